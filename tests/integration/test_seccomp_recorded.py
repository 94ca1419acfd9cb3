"""The policy against what Node really called, as recorded by tests/support/record_syscalls.py."""

import json
from pathlib import Path
from typing import Any

import pytest

from sandboxd.jail import interpreter
from sandboxd.jail.seccomp_compile import RET_ALLOW
from sandboxd.jail.syscalls import AARCH64, ARCHES
from sandboxd.pool.runtime import PHASES
from tests.support.record_syscalls import PARTS, recorded
from tests.support.seccomp_policies import PID, POLICY, program

RECORDED = sorted((Path(__file__).parent / "recorded").glob("*.json"))

# Node tries the first and does the second: clone, epoll, mprotect.
FALLBACKS = {"clone3", "io_uring_setup", "io_uring_enter", "pkey_alloc", "pkey_mprotect"}

# What Node tries after `ready` and does without; test_seccomp_node.py shows that it really does.
DONE_WITHOUT = {
    "openat": "the time zone's file (it is UTC), the processors in /sys (malloc's arenas), /dev/null for a look at stderr",
    "newfstatat": "of the time zone's file",
    "lseek": "in the time zone's file",
    "fstat": "of stderr: Node 24 looks whether it has colours when a compression stream is made",
    "ioctl": "of stderr, the same",
    "fcntl": "of stderr, the same",
    "sched_getaffinity": "malloc asks for processors when a child's second thread allocates, and takes two without an answer",
}


def recording(path: Path) -> dict[str, Any]:
    """One file."""
    read: dict[str, Any] = json.loads(path.read_text())
    return read


def refused(recorded: dict[str, Any], part: str, phase: str) -> set[str]:
    """The recorded calls of a part that a phase does not allow with the recorded arguments."""
    arch = ARCHES[recorded["arch"]]
    on = frozenset({"threads", "jit"}) if recorded["threads"] else frozenset[str]()
    tested = {
        call: sorted(
            {test.arg for rules in POLICY.groups.values() for rule in rules if call in rule.calls for test in rule.when}
        )
        for call in recorded[part]
    }
    found = set()
    for call, many in recorded[part].items():
        for few in many:
            args = [0] * 6
            for index, value in zip(tested[call], few, strict=True):
                args[index] = {"self": PID, "set": 0x7F00_0000_1000}.get(value, value)
            ran = interpreter.run(program(phase, arch, on), arch, arch.numbers[call], args)
            if ran.value != RET_ALLOW:
                found.add(call)
    return found


every_recording = pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)


def test_there_are_recordings_of_each_kind() -> None:
    """Both Nodes, the hardened profile, and the Node that forks in both."""
    made = {(found["kind"], found["node"].split(".")[0], found["threads"]) for found in map(recording, RECORDED)}
    assert made >= {
        ("exec", "24", True),
        ("exec", "18", True),
        ("exec", "24", False),
        ("fork", "24", True),
        ("fork", "24", False),
    }


@every_recording
def test_each_phase_allows_what_is_called_in_it(path: Path) -> None:
    """Apart from what Node has a second way for and, where code runs, from the listed files and looks at stderr."""
    made = recording(path)
    *before, last = zip(PARTS[made["kind"]], PHASES[made["kind"]], strict=True)
    for part, phase in before:
        assert (phase, refused(made, part, phase) - FALLBACKS) == (phase, set())
    assert refused(made, *last) <= FALLBACKS | DONE_WITHOUT.keys()


@every_recording
def test_what_runs_in_one_kind_of_worker_runs_in_the_other(path: Path) -> None:
    """Code does not see the kind."""
    made = recording(path)
    part, other = (PARTS[made["kind"]][-1], "child" if made["kind"] == "exec" else "exec_run")
    assert refused(made, part, other) <= FALLBACKS | DONE_WITHOUT.keys()


@pytest.mark.parametrize("kind", PARTS)
def test_the_request_is_read_behind_the_last_filter(kind: str) -> None:
    """No byte of anybody's comes in before: in no earlier part is anything read from the channel."""
    with recorded("", kind) as (worker, recorder):
        assert worker.receive() is not None
        assert worker.run("return true")[-1]["value"] is True
    assert recorder.read_in == {PARTS[kind][-1]}


# What a libc calls on arm64, which never had the older call.
NEWER = {"access": "faccessat", "readlink": "readlinkat", "poll": "ppoll", "epoll_wait": "epoll_pwait"}


@pytest.mark.parametrize(("older", "newer"), NEWER.items())
def test_where_there_is_no_older_call_the_newer_one_is_allowed(older: str, newer: str) -> None:
    """A phase that needs a call on x86-64 allows on arm64 what stands for it there; nothing was recorded on such a machine."""
    assert older not in AARCH64.numbers
    for phase in POLICY.phases:
        can = POLICY.verdicts(phase, frozenset(POLICY.switches))
        if older in can and can[older].can_allow:
            ran = interpreter.run(program(phase, AARCH64, frozenset(POLICY.switches)), AARCH64, AARCH64.numbers[newer])
            assert (phase, ran.value) == (phase, RET_ALLOW)


def test_each_exception_is_needed() -> None:
    """A list of exceptions that only grows would say nothing."""
    made = [recording(path) for path in RECORDED]
    met = {call for each in made for call in refused(each, PARTS[each["kind"]][-1], PHASES[each["kind"]][-1])}
    assert met >= DONE_WITHOUT.keys()
