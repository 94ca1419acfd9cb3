"""A real worker without daemon and launcher: a Node with the harness, under filters, and the conversation with it."""

import json
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sandboxd.models import Limits
from sandboxd.policy.model import Policy
from sandboxd.pool.runtime import Node, plan
from tests.support import seccomp_exec

LIMITS = Limits(
    wall_ms=10_000, memory_bytes=128 << 20, output_bytes=1 << 20, result_bytes=1 << 20, source_bytes=1 << 20, depth=256
)
HEADER = struct.Struct(">I")

Filter = tuple[str, tuple[int, ...]]


class Frames:
    """The daemon's end of a worker's channel."""

    def __init__(self, channel: socket.socket) -> None:
        self.channel = channel

    def receive(self) -> dict[str, Any] | None:
        """The next frame, None at the end."""
        head = self.channel.recv(HEADER.size, socket.MSG_WAITALL)
        if len(head) < HEADER.size:
            return None
        frame: dict[str, Any] = json.loads(self.channel.recv(HEADER.unpack(head)[0], socket.MSG_WAITALL))
        return frame

    def run(self, source: str, **more: Any) -> list[dict[str, Any]]:
        """Sends the one request; all frames until the worker ends."""
        self.ask(source, **more)
        return list(iter(self.receive, None))

    def ask(self, source: str, **more: Any) -> None:
        """Sends the one request."""
        limits = {"output_bytes": LIMITS.output_bytes, "result_bytes": LIMITS.result_bytes, "depth": LIMITS.depth}
        request = {"type": "run", "dialect": "code-nodes", "language": "javascript", "check": False, "limits": limits}
        request |= {"data_bytes": 1 << 40, "capabilities": {}}  # the first is demanded; here it limits nothing
        body = json.dumps({**request, "source": source, **more}).encode()
        self.channel.sendall(HEADER.pack(len(body)) + body)


class NodeWorker(Frames):
    """A worker that was started and is `ready`, or has ended before."""

    def __init__(self, process: subprocess.Popen[str], channel: socket.socket) -> None:
        super().__init__(channel)
        self.process = process

    def end(self) -> int:
        """Waits for the end; the exit code, negative for a signal."""
        return self.process.wait(30)


def command(node: Node, policy: Policy, flags: Sequence[str], threads: bool) -> tuple[list[str], dict[str, str]]:
    """What the exec server would start, with more flags or without threads."""
    how = plan(node, policy.profiles["code-nodes"], LIMITS, start_timeout_ms=10_000)
    program, *rest = how.argv
    boot = json.loads(rest[-1]) | {"threads": threads}
    return [program, *flags, *rest[:-1], json.dumps(boot)], how.env


@contextmanager
def node_worker(
    node: Node,
    policy: Policy,
    filters: Sequence[Filter] = (),
    *,
    flags: Sequence[str] = (),
    threads: bool = True,
    listen: int | None = None,
    vdso: bool = True,
) -> Iterator[NodeWorker]:
    """A worker for as long as the block lasts; what it writes to stderr is in `process.stderr`."""
    ours, theirs = socket.socketpair()
    ours.settimeout(60)
    with theirs, ours, started(command(node, policy, flags, threads), theirs, filters, listen, vdso=vdso) as process:
        yield NodeWorker(process, ours)


@contextmanager
def started(
    what: tuple[list[str], dict[str, str]],
    theirs: socket.socket,
    filters: Sequence[Filter],
    listen: int | None = None,
    inherited: int | None = None,
    vdso: bool = True,
) -> Iterator[subprocess.Popen[str]]:
    """A program under filters, by its arguments and its environment, with a channel that is closed here."""
    argv, env = what
    asked = json.dumps({"filters": list(filters), "listen": None if listen is None else 4, "env": env, "vdso": vdso})
    # The channel has to be descriptor 3, and Popen cannot renumber: a line of Python does it before it becomes the wrapper.
    fourth = inherited if listen is None else listen
    placed = {3: theirs.fileno()} | ({4: fourth} if fourth is not None else {})
    moved = (
        f"import os; {'; '.join(f'os.dup2({fd}, {at})' for at, fd in placed.items())}; os.closerange({max(placed) + 1}, 1024); "
    )
    start = moved + "import sys; os.execv(sys.executable, [sys.executable, '-I', '-S', *sys.argv[1:]])"
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", start, seccomp_exec.__file__, asked, *argv],
            pass_fds=list(placed.values()),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()


def threads_of(pid: int) -> list[dict[str, str]]:
    """The status file of each thread of a process, as a table."""
    files = Path(f"/proc/{pid}/task").glob("*/status")
    return [dict(line.split(":\t", 1) for line in file.read_text().splitlines() if ":\t" in line) for file in files]
