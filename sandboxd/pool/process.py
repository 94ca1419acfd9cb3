"""A process that somebody else made and reaps: what the daemon holds of it."""

import contextlib
import os
import re
import resource
import select
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import trio
from msgspec import Struct

from sandboxd.jail.cgroups import Leaf, Subtree

REAP_DEADLINE_S: Final = 5.0
STDERR_TAIL: Final = 16_384
WORDS_SHOWN: Final = 1000
PAGE: Final = resource.getpagesize()


class Exit(Struct, frozen=True):
    """How a process ended: its wait status (None when the process that reaps it was lost) and what it used in all."""

    status: int | None
    cpu_us: int
    max_resident_bytes: int


class Idle(Struct, frozen=True):
    """What a worker holds before its request: the resident size, and what RLIMIT_DATA counts."""

    resident_bytes: int
    data_bytes: int


class Vitals:
    """What the kernel says of a living process, through descriptors that stay its own even if the pid is used again."""

    def __init__(self, pid: int) -> None:
        self._statm = os.open(f"/proc/{pid}/statm", os.O_RDONLY | os.O_CLOEXEC)
        self._cpu_clock = (~pid << 3) | 2  # the kernel's number for "CPU time of process pid"
        self.pid = pid

    def resident_bytes(self) -> int:
        """Resident memory; 0 once the process is gone."""
        try:
            return int(os.pread(self._statm, 128, 0).split()[1]) * PAGE
        except (OSError, IndexError):
            return 0

    def data_bytes(self) -> int:
        """What RLIMIT_DATA counts (and the stack, which it does not)."""
        return int(os.pread(self._statm, 128, 0).split()[5]) * PAGE

    def cpu_us(self) -> int:
        """CPU time of all its threads."""
        return time.clock_gettime_ns(self._cpu_clock) // 1000

    def close(self) -> None:
        """Gives the descriptor back; called once."""
        os.close(self._statm)


class Process:
    """A pidfd, the read end of its stderr, and word of its end from whoever reaps it. Ended by `end`."""

    def __init__(self, pidfd: int, stderr: int) -> None:
        self.pidfd = pidfd
        self.exited = trio.Event()
        self.exit: Exit | None = None
        self.on_exit: Callable[[], None] = _nothing
        """Called once it was reaped, by whoever hears of it."""
        self.closed = False
        self.leaf: Leaf | None = None
        """Its cgroup, if it has one."""
        self.starved = False
        """Whether the kernel has killed it at the limit of that; known once it was released."""
        self._stderr = stderr
        self._words = b""
        self._pid = 0

    def ended(self, exit: Exit) -> None:  # noqa: A002 the word of the field
        """It was reaped, or whoever would reap it is gone."""
        self.exit = exit
        self.exited.set()
        told, self.on_exit = self.on_exit, _nothing  # it holds us, and we would hold it: work for the garbage collector
        told()

    @property
    def pid(self) -> int:
        """Its pid as we see it: who made it may live in another namespace. Raises ProcessLookupError when it is gone."""
        if not self._pid:
            found = re.search(r"^Pid:\s*(\d+)", Path(f"/proc/self/fdinfo/{self.pidfd}").read_text(), re.MULTILINE)
            if found is None:  # -1: it was reaped
                raise ProcessLookupError("it has ended")
            self._pid = int(found[1])
        return self._pid

    @property
    def alive(self) -> bool:
        """Whether it still runs: the word that it does not comes later, from the process that reaps it."""
        if self.closed or self.exited.is_set():
            return False
        poll = select.poll()
        poll.register(self.pidfd, select.POLLIN)
        return not poll.poll(0)

    @property
    def stderr(self) -> str:
        """The end of what it wrote to stderr, once it has ended."""
        return self._words.decode(errors="replace")

    @property
    def words(self) -> str:
        """The same, short enough for a message."""
        return self.stderr.strip()[-WORDS_SHOWN:]

    def move_into(self, subtree: Subtree) -> None:
        """Gives it a leaf, which goes when it is released. Raises OSError. May take milliseconds: for a thread."""
        self.leaf = leaf = subtree.leaf()
        with contextlib.suppress(ProcessLookupError):  # it has ended: who waits for it to be ready hears why
            leaf.fill(self.pid)
            if self.alive:  # else somebody else may have had its pid when that was written
                leaf.seal()

    def kill(self) -> None:
        """SIGKILL, at once and without waiting; harmless when it is dead already."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
        if self.leaf is not None:
            self.leaf.kill()

    async def end(self) -> Exit:
        """Kills it, waits until it is reaped, gives everything back. May be called again; cannot be cancelled."""
        if not self.closed:
            self.kill()
            await self.wait()
            self.release()
        return self.exit or Exit(None, 0, 0)

    async def wait(self) -> None:
        """Until it is reaped, for a while; cannot be cancelled."""
        with trio.CancelScope(shield=True, deadline=trio.current_time() + REAP_DEADLINE_S):
            await self.exited.wait()
            if self.exit is None or self.exit.status is None:  # nobody reports it any more: see for ourselves
                await trio.lowlevel.wait_readable(self.pidfd)

    def release(self) -> None:
        """Gives the descriptors back. Called by `end`, and for a process that ended by itself."""
        if self.closed:
            return
        self.closed = True
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self._stderr, 65_536):
                self._words = (self._words + chunk)[-STDERR_TAIL:]
        os.close(self._stderr)
        os.close(self.pidfd)
        if self.leaf is not None:
            self.leaf.remove()
            self.starved = self.leaf.starved


def look(process: Process) -> Idle:
    """What a process holds now. Raises ProcessLookupError when it is gone."""
    vitals = Vitals(process.pid)
    try:
        idle = Idle(vitals.resident_bytes(), vitals.data_bytes())
    finally:
        vitals.close()
    if not process.alive:
        raise ProcessLookupError("it ended while it was looked at")  # and its pid may be another's by now
    return idle


def _nothing() -> None:
    pass
