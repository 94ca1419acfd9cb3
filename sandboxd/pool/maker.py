"""The daemon's end of a control socket, at whose other end processes are made: by the launcher, or by a fork server."""

import contextlib
import errno
import os
import socket
import sys
from collections.abc import Sequence
from typing import Final

import trio

from sandboxd.errors import WorkerStartError
from sandboxd.jail.launcher import EXITED, LAUNCH, LAUNCHED, REPLY, REQUEST
from sandboxd.pool.process import Exit, Process

AT_ONCE: Final = 64
"""Messages that are heard in one turn of the loop."""
_ROOM: Final = socket.CMSG_SPACE(4)


class Maker:
    """Asks for processes and hears of their ends. `name` is what its own end is told as."""

    def __init__(self, control: socket.socket, name: str) -> None:
        self.lost = trio.Event()
        """Set when the other end is gone: then every process of it is dead."""
        self.control = trio.socket.from_stdlib_socket(control)
        self._out = control  # the same socket: what can be sent at once needs no turn of the loop
        self._name = name
        self._last = 0
        self._sending = trio.Lock()
        self._births: dict[int, _Birth] = {}
        self._living: dict[int, Process] = {}

    @property
    def idle(self) -> bool:
        """Whether none of its processes lives, and none is on its way."""
        return not self._births and not self._living

    @property
    def asked(self) -> int | None:
        """The number of the oldest request that has no answer yet; None where all have theirs."""
        return next(iter(self._births), None)

    async def make(self, channel: socket.socket, *, data_bytes: int = 0) -> Process:
        """A process that holds `channel` (which stays open here) and a stderr of its own.

        Raises WorkerStartError. Cancelled, it leaves no process behind.
        """
        if self.lost.is_set():
            await trio.lowlevel.checkpoint()  # at a stop the caller is to hear of that, not of its consequence
            raise WorkerStartError(f"The {self._name} has ended")
        read_end, write_end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        birth = _Birth(read_end)
        try:
            try:
                os.set_blocking(write_end, True)
                await self._ask(birth, channel.fileno(), write_end, data_bytes)
            finally:
                os.close(write_end)
            await birth.answered.wait()
        except BaseException:
            await birth.give_up()  # noqa: ASYNC102 it shields itself
            raise
        if birth.process is None:
            os.close(read_end)
            raise WorkerStartError(birth.refusal)
        return birth.process

    async def _ask(self, birth: "_Birth", channel: int, stderr: int, data_bytes: int) -> None:
        self._last += 1
        number = self._last
        fds = b"".join(fd.to_bytes(4, sys.byteorder) for fd in (channel, stderr))
        message = [REQUEST.pack(LAUNCH, number, data_bytes)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)]
        self._births[number] = birth  # before the answer can come
        try:
            while True:
                try:
                    self._out.sendmsg(*message)
                    break
                except BlockingIOError:
                    async with self._sending:
                        await trio.lowlevel.wait_writable(self._out)
        except BaseException:  # it was not sent: there is no half of a message
            self._births.pop(number, None)
            raise

    async def serve(self) -> None:
        """Hears the other end until it is gone; then every process of it is dead, and that is what they are told."""
        try:
            while self._hear():
                await trio.lowlevel.wait_readable(self._out)
        except (OSError, trio.ClosedResourceError):
            pass  # the same as an end, and so is our own close
        finally:
            self.lost.set()
            for number in list(self._living):
                self._exited(number, Exit(None, 0, 0))
            for birth in self._births.values():
                birth.refuse(f"The {self._name} has ended")

    def _hear(self) -> bool:
        """Takes what has come, or much of it; False at the end."""
        with contextlib.suppress(BlockingIOError):
            for _ in range(AT_ONCE):
                data, ancillary, _, _ = self._out.recvmsg(REPLY.size, _ROOM, socket.MSG_CMSG_CLOEXEC)
                if not data:
                    return False
                self._take(data, ancillary)
        return True

    def _take(self, data: bytes, ancillary: Sequence[tuple[int, int, bytes]]) -> None:
        kind, number, pid, status, cpu_us, resident = REPLY.unpack(data)
        if kind == LAUNCHED and ancillary:
            self._made(number, int.from_bytes(ancillary[0][2][:4], sys.byteorder))
        elif kind == LAUNCHED:  # we are out of descriptors, and the kernel dropped this one
            self._refused(number, errno.EMFILE)
        elif kind == EXITED:
            self._exited(number, Exit(status, cpu_us, resident))
        else:
            self._refused(number, pid)

    def _made(self, number: int, pidfd: int) -> None:
        birth = self._births.pop(number)
        process = Process(pidfd, birth.stderr)
        if birth.abandoned:  # nobody will hold it
            process.kill()
            os.close(pidfd)
            return
        birth.process = self._living[number] = process
        birth.answered.set()

    def _exited(self, number: int, end: Exit) -> None:
        process = self._living.pop(number, None)
        if process is not None:
            process.ended(end)

    def _refused(self, number: int, problem: int) -> None:
        self._births.pop(number).refuse(f"The {self._name} could not make a worker: {errno.errorcode.get(problem, problem)}")


class _Birth:
    """A process that was asked for and has not been answered."""

    def __init__(self, stderr: int) -> None:
        self.stderr = stderr
        self.answered = trio.Event()
        self.process: Process | None = None
        self.refusal = ""
        self.abandoned = False

    def refuse(self, why: str) -> None:
        self.refusal = why
        self.answered.set()

    async def give_up(self) -> None:
        """Nobody waits for this process any more: it is ended if it is there, and as soon as it comes if it is not."""
        self.abandoned = True
        if self.process is not None:
            await self.process.end()
        else:
            with contextlib.suppress(OSError):
                os.close(self.stderr)
