"""The policy against what Node really called, as recorded by tests/support/record_syscalls.py."""

import json
from pathlib import Path
from typing import Any

import pytest

from sandboxd.jail import interpreter
from sandboxd.jail.seccomp_compile import RET_ALLOW
from sandboxd.jail.syscalls import AARCH64, ARCHES
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
    """Both Nodes, and the hardened profile."""
    made = {(recording(path)["node"].split(".")[0], recording(path)["threads"]) for path in RECORDED}
    assert made >= {("24", True), ("18", True), ("24", False)}


@every_recording
def test_boot_allows_what_boot_calls(path: Path) -> None:
    """Apart from what Node has a second way for."""
    assert refused(recording(path), "boot", "exec_boot") <= FALLBACKS


@every_recording
@pytest.mark.parametrize("phase", ["exec_run", "child"])
def test_running_code_gets_what_it_calls(path: Path, phase: str) -> None:
    """Apart from what Node has a second way for, and from the listed files and looks at stderr."""
    assert refused(recording(path), "run", phase) <= FALLBACKS | DONE_WITHOUT.keys()


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
    met = {call for path in RECORDED for call in refused(recording(path), "run", "exec_run")}
    assert met >= DONE_WITHOUT.keys()
