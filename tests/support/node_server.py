"""A real fork server without daemon and launcher: a Node that was started as one, under filters, and its control socket."""

import base64
import json
import os
import select
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import msgspec

from sandboxd.jail import kernel, landlock, seccomp
from sandboxd.jail.launcher import EXITED, LAUNCH, LAUNCHED, REPLY, REQUEST
from sandboxd.policy.model import Policy
from sandboxd.pool.runtime import Node, plan
from tests.support.node_worker import HEADER, LIMITS, Filter, Frames, started
from tests.support.seccomp_policies import ALL_ON, POLICY


class Answer(msgspec.Struct, frozen=True):
    """One message of a fork server, with the descriptors that came along."""

    kind: int
    id: int
    pid: int
    status: int
    fds: tuple[int, ...]


class Child(Frames):
    """A child of the server; `pid` is its own in the namespace that the server lives in."""

    def __init__(self, channel: socket.socket, stderr: int, launched: Answer) -> None:
        super().__init__(channel)
        self.id, self.pid, (self.pidfd,) = launched.id, launched.pid, launched.fds
        self._stderr = stderr

    def words(self) -> str:
        """What it wrote to stderr, once it has ended."""
        select.select([self.pidfd], [], [], 60)
        return os.read(self._stderr, 65_536).decode()

    def close(self) -> None:
        """Gives everything back."""
        self.channel.close()
        for fd in (self.pidfd, self._stderr):
            os.close(fd)


class NodeServer:
    """A server that is ready, or has ended before. Whatever it answers is taken in its order."""

    def __init__(self, process: subprocess.Popen[str], control: socket.socket) -> None:
        self.process, self.control = process, control
        self.children: list[Child] = []
        self._last = 0

    def is_ready(self) -> bool:
        """Whether its first message came."""
        said = self.control.recv(4096)
        return bool(said) and json.loads(said[HEADER.size :])["type"] == "ready"

    def ask(self, fds: Sequence[int], request: bytes = b"", data_bytes: int = 0) -> int:
        """Sends a request, by its bytes if it is not a good one; its number."""
        self._last += 1
        socket.send_fds(self.control, [request or REQUEST.pack(LAUNCH, self._last, data_bytes)], fds)
        return self._last

    def answer(self) -> Answer:
        """The next message."""
        data, fds, _, _ = socket.recv_fds(self.control, REPLY.size, 4)
        kind, number, pid, status, _, _ = REPLY.unpack(data)
        return Answer(kind, number, pid, status, tuple(fds))

    def fork(self, *, data_bytes: int = 0, sent: bytes = b"") -> Child:
        """A child, to which `sent` was written before it was asked for."""
        ours, theirs = socket.socketpair()
        ours.settimeout(60)
        read_end, write_end = os.pipe()
        ours.sendall(sent)
        with theirs:
            self.ask([theirs.fileno(), write_end], data_bytes=data_bytes)
        os.close(write_end)
        answer = self.answer()
        assert answer.kind == LAUNCHED, answer
        child = Child(ours, read_end, answer)
        self.children.append(child)
        return child

    def ended(self, child: Child) -> int:
        """Waits until the server has reaped a child, the only one that ends now; its exit code, negative for a signal."""
        answer = self.answer()
        assert (answer.kind, answer.id) == (EXITED, child.id)
        return os.waitstatus_to_exitcode(answer.status)


def compiled(phase: str, on: frozenset[str] = ALL_ON) -> bytes:
    """A filter of the shipped policy; the phases of the fork server know no pid."""
    arch = seccomp.host()
    assert arch is not None
    program = seccomp.compile_phase(POLICY, phase, arch, on)
    assert not program.pid_at
    return program.code


@contextmanager
def node_server(
    node: Node,
    policy: Policy,
    filters: Sequence[Filter] | None = None,
    *,
    server: bytes | None = None,
    child: bytes | None = None,
    flags: Sequence[str] = (),
    threads: bool = True,
    listen: int | None = None,
    inherited: int | None = None,
) -> Iterator[NodeServer]:
    """A fork server for as long as the block lasts, with all its children; `server` and `child` are their filters.

    `inherited` is open in it, too: what no launcher would do.

    Without another word all three filters are those that are shipped; without threads for the profile that has no jit either.
    """
    on = ALL_ON if threads else frozenset[str]()
    how = plan(node, policy.profiles["code-nodes"], LIMITS, start_timeout_ms=10_000, workers="fork")
    program, *rest = how.argv
    boot = json.loads(rest[-1]) | {"threads": threads, "domain": _text(landlock.attributes(kernel.landlock_abi()))}
    boot["filter"] = _text(compiled("server", on) if server is None else server)
    boot["children"]["filter"] = _text(compiled("child", on) if child is None else child)
    argv = [program, *flags, *rest[:-1], json.dumps(boot)]
    if filters is None:
        filters = [(compiled("fork_boot", on).hex(), ())]
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(60)
    with ours, theirs, started((argv, how.env), theirs, filters, listen, inherited) as process:
        made = NodeServer(process, ours)
        try:
            yield made
        finally:
            for each in made.children:
                with suppress(OSError):
                    each.close()


def _text(code: bytes) -> str:
    return base64.b64encode(code).decode()
