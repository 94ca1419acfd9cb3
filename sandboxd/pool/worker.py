"""A worker: one process, one channel, one execution. However it came to be, it is used and ended through this."""

import contextlib
import os
import resource
import select
import signal
import time
from collections.abc import Callable, Iterable
from typing import Final, Protocol

import trio
from msgspec import Struct

from sandboxd.errors import ProtocolError, WorkerStartError
from sandboxd.models import JailLayer, Limits, LogLine, Outcome, Usage
from sandboxd.pool.verdict import Sighting, judge
from sandboxd.protocol.conversation import Conversation, ViolationError
from sandboxd.protocol.frames import encode_frame
from sandboxd.protocol.messages import Done, Log, OutputFull, Ready, ToDaemon, ToWorker, encode

MEMORY_POLL_S: Final = 0.005
MEMORY_SLACK: Final = 16 << 20
REAP_DEADLINE_S: Final = 5.0
RECEIVE_BYTES: Final = 65_536
STDERR_TAIL: Final = 16_384
WORDS_SHOWN: Final = 1000
PAGE: Final = resource.getpagesize()


class Exit(Struct, frozen=True):
    """How a worker ended: its wait status (None when the process that reaps it was lost) and what it used in all."""

    status: int | None
    cpu_us: int
    max_resident_bytes: int


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


class Worker:
    """A process with a harness in it. Made by a worker source, ready for one request, ended by `end`."""

    def __init__(self, *, pid: int, pidfd: int, channel: trio.SocketStream, stderr: int, cpu_s: int) -> None:
        self.pid = pid
        self.node = ""
        self.typescript = False
        self.exited = trio.Event()
        self.exit: Exit | None = None
        self._pidfd, self._channel, self._stderr, self._cpu_s = pidfd, channel, stderr, cpu_s
        self._conversation = Conversation()
        self._vitals: Vitals | None = None
        self._idle_resident = self._idle_cpu_us = self._idle_data = 0
        self._words = ""
        self._closed = False

    # ------------------------------------------------------------ coming to be

    async def start(self) -> None:
        """Waits for `ready`, then looks at what it has. Raises WorkerStartError with the worker's own words."""
        problem = "it ended without a word"
        try:
            for message in await self._receive():
                if isinstance(message, Ready):
                    self.node, self.typescript = message.node, message.typescript
                    self._look()
                    return
        except (ProtocolError, OSError) as error:
            problem = str(error)
        await self.end()
        raise WorkerStartError(f"A worker did not start: {self.words or problem}")

    def _look(self) -> None:
        vitals = self._vitals = Vitals(self.pid)  # not before: a process that is gone cannot be looked at
        self._idle_resident = vitals.resident_bytes()
        self._idle_cpu_us = vitals.cpu_us()
        self._idle_data = vitals.data_bytes()
        if not self.alive:
            raise ProcessLookupError("it ended after it was ready")  # and its pid may be another's by now

    @property
    def alive(self) -> bool:
        """Whether its process still runs: the word that it does not comes later, from the process that reaps it."""
        if self._closed or self.exited.is_set():
            return False
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        return not poll.poll(0)

    @property
    def words(self) -> str:
        """What it wrote to stderr, once it has ended; the end of it if that is long."""
        return self._words.strip()[-WORDS_SHOWN:]

    async def _receive(self) -> list[ToDaemon]:
        """The next messages; an empty list at the end of the stream."""
        while True:
            try:
                data = await self._channel.receive_some(RECEIVE_BYTES)
            except trio.BrokenResourceError:
                return []
            if not data:
                return []
            if messages := self._conversation.feed(bytes(data)):
                return messages

    # ------------------------------------------------------------ one request

    async def run(self, request: ToWorker, limits: Limits, on_log: Callable[[LogLine], None] | None = None) -> Outcome:
        """Sends the one request and waits for its end, under the wall clock and the memory watch.

        The worker is killed and reaped before this returns. Cancellation leaves it to `end`.
        """
        heard, violation = _Heard(on_log), None
        # Set by the worker itself: it may be another user's by now, and prlimit of such a one needs CAP_SYS_RESOURCE.
        data_bytes = self._idle_data + limits.memory_bytes
        watch = _Watch(self._idle_resident + limits.memory_bytes + MEMORY_SLACK)
        begun = time.perf_counter()
        with trio.move_on_after(limits.wall_ms / 1000) as clock:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._watch_memory, watch)
                try:
                    self._conversation.begin(limits)
                    await self._channel.send_all(encode_frame(encode(request, data_bytes=data_bytes)))
                    while heard.done is None and (messages := await self._receive()):
                        heard.take(messages)
                    if heard.done is None:
                        await self.exited.wait()  # let it die of its own cause: that cause is the status
                except ViolationError as problem:
                    violation = problem.message
                    heard.take(problem.before)
                except trio.BrokenResourceError:
                    await self.exited.wait()
                nursery.cancel_scope.cancel()
        wall_ms = (time.perf_counter() - begun) * 1000
        end = await self.end()
        done, used = heard.done, self._used_bytes(watch, end)
        status, failure = judge(
            Sighting(
                done=done,
                violation=violation,
                timed_out=clock.cancelled_caught,
                over_budget=watch.over,
                out_of_cpu=end.cpu_us >= self._cpu_s * 1_000_000,  # PID 1 of a namespace does not hear SIGXCPU
                lost=end.status is None,
                signal=os.WTERMSIG(end.status) if end.status is not None and os.WIFSIGNALED(end.status) else None,
                exit_code=os.WEXITSTATUS(end.status) if end.status is not None and os.WIFEXITED(end.status) else None,
                stderr=self._words,
                peak_bytes=used,
            ),
            limits,
        )
        usage = Usage(max(0, end.cpu_us - self._idle_cpu_us) / 1000, used, wall_ms)
        value = done.value if done is not None and failure is None else None
        returned = done.returned if done is not None and failure is None else None
        return Outcome(status, usage, tuple(heard.logs), heard.truncated, value, returned, failure)

    async def _watch_memory(self, watch: "_Watch") -> None:
        """Kills the worker when its resident size passes the limit: compiled code is not in RLIMIT_DATA."""
        while self._vitals is not None and not watch.over:
            await trio.sleep(MEMORY_POLL_S)
            watch.peak = max(watch.peak, self._vitals.resident_bytes())
            if watch.over:
                self.kill()

    def _used_bytes(self, watch: "_Watch", end: Exit) -> int:
        return max(0, watch.peak - self._idle_resident, end.max_resident_bytes - self._idle_resident)

    # ------------------------------------------------------------ the end

    def kill(self) -> None:
        """SIGKILL, at once and without waiting; harmless when it is dead already."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    async def end(self) -> Exit:
        """Kills it, waits until it is reaped, gives everything back. May be called again; cannot be cancelled."""
        if not self._closed:
            self.kill()
            with trio.CancelScope(shield=True, deadline=trio.current_time() + REAP_DEADLINE_S):
                await self.exited.wait()
                if self.exit is None or self.exit.status is None:  # nobody reports it any more: see for ourselves
                    await trio.lowlevel.wait_readable(self._pidfd)
        self.release()
        return self.exit or Exit(None, 0, 0)

    def release(self) -> None:
        """Gives the descriptors back. Called by `end`, and for a worker that ended by itself."""
        if self._closed:
            return
        self._closed = True
        self._words = self._read_stderr()
        self._channel.socket.close()
        if self._vitals is not None:
            self._vitals.close()
        os.close(self._stderr)
        os.close(self._pidfd)

    def _read_stderr(self) -> str:
        words = b""
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(self._stderr, 65_536):
                words = (words + chunk)[-STDERR_TAIL:]
        return words.decode(errors="replace")


class _Heard:
    """What a worker has said so far."""

    def __init__(self, on_log: Callable[[LogLine], None] | None) -> None:
        self.logs: list[LogLine] = []
        self.truncated = False
        self.done: Done | None = None
        self._on_log = on_log

    def take(self, messages: Iterable[ToDaemon]) -> None:
        for message in messages:
            if isinstance(message, Log):
                self.logs.append(LogLine(message.level, message.text))
                if self._on_log is not None:
                    self._on_log(self.logs[-1])
            elif isinstance(message, OutputFull):
                self.truncated = True
            elif isinstance(message, Done):
                self.done = message


class _Watch:
    """The highest resident size that was seen, against what is allowed."""

    def __init__(self, most: int) -> None:
        self.most, self.peak = most, 0

    @property
    def over(self) -> bool:
        return self.peak > self.most


class WorkerSource(Protocol):
    """How workers come to be. `lost` is set when it can make no more and its workers are dead."""

    lost: trio.Event
    layers: tuple[JailLayer, ...]

    async def spawn(self) -> Worker:
        """A worker that is ready for its one request. Raises WorkerStartError."""
        ...
