"""A worker: one process, one channel, one execution. However it came to be, it is used and ended through this."""

import os
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

import trio

from sandboxd.errors import ProtocolError, WorkerStartError
from sandboxd.jail import layers
from sandboxd.jail.cgroups import Subtree
from sandboxd.models import JailLayer, Limits, LogLine, Outcome, Usage
from sandboxd.pool.calls import Calls
from sandboxd.pool.channel import Channel
from sandboxd.pool.maker import Maker
from sandboxd.pool.overseer import Overseer
from sandboxd.pool.process import Exit, Idle, Process, look
from sandboxd.pool.verdict import Sighting, judge
from sandboxd.protocol.conversation import Conversation, ViolationError
from sandboxd.protocol.frames import encode_frame
from sandboxd.protocol.messages import Answer, Done, HostCall, OutputFull, Ready, Request, Run, ToDaemon, encode

Sink = Callable[[Sequence[LogLine], bool], Awaitable[None]]
"""Takes what was printed, and whether what comes after it is dropped."""
MEMORY_SLACK: Final = 16 << 20
RECEIVE_BYTES: Final = 65_536


class Worker:
    """A process with a harness in it. Made by a worker source, ready for one request, ended by `end`."""

    def __init__(self, process: Process, channel: Channel, overseer: Overseer, *, cpu_s: int, idle: Idle | None = None) -> None:
        """`idle` is what it holds before the request, where that is known; else it is looked at once it is ready."""
        self.process = process
        self.node = ""
        self.typescript = False
        self._channel, self._overseer, self._cpu_s = channel, overseer, cpu_s
        self._idle = idle or Idle(0, 0)
        self._known = idle is not None
        self.ready = False
        """Whether it has said so, and waits for its request or is past it."""
        self._idle_cpu_us = 0
        self._conversation = Conversation()

    # ------------------------------------------------------------ coming to be

    async def start(self) -> None:
        """Waits for `ready`, then looks at what it has. Raises WorkerStartError with the worker's own words."""
        problem = "it ended without a word"
        try:
            for message in await self._receive():
                if isinstance(message, Ready):
                    self.node, self.typescript, self._idle_cpu_us = message.node, message.typescript, message.cpu_us
                    if not self._known:
                        self._idle = look(self.process)
                    self.ready = True
                    return
        except (ProtocolError, OSError) as error:
            problem = str(error)
        await self.end()
        raise WorkerStartError(f"A worker did not start: {self.process.words or problem}")

    @property
    def idle(self) -> Idle:
        """What it holds before its request."""
        return self._idle

    @property
    def pid(self) -> int:
        """Its process's pid. Raises ProcessLookupError when it is gone."""
        return self.process.pid

    @property
    def alive(self) -> bool:
        """Whether its process still runs."""
        return self.process.alive

    @property
    def exited(self) -> trio.Event:
        """Set when it was reaped."""
        return self.process.exited

    @property
    def exit(self) -> Exit | None:
        """How it ended, once it has."""
        return self.process.exit

    def on_exit(self, call: Callable[[], None]) -> None:
        """What to do once it was reaped, whether it was lent or not."""
        self.process.on_exit = call

    @property
    def words(self) -> str:
        """What it wrote to stderr, once it has ended; the end of it if that is long."""
        return self.process.words

    async def _receive(self) -> list[ToDaemon]:
        """The next messages; an empty list at the end of the stream."""
        while True:
            try:
                data = await self._channel.receive(RECEIVE_BYTES)
            except trio.BrokenResourceError:
                return []
            if not data:
                return []
            if messages := self._conversation.feed(data):
                return messages

    # ------------------------------------------------------------ one request

    async def run(
        self,
        request: Request,
        limits: Limits,
        on_log: Callable[[LogLine], None] | None = None,
        answer: Answer | None = None,
        sink: Sink | None = None,
    ) -> Outcome:
        """Sends the one request and waits for its end, under the wall clock and the memory watch.

        The worker is killed and reaped before this returns. Cancellation leaves it to `end`. Host calls that the request grants
        are answered by `answer`; what that raises is raised here, and leaves the worker to `end` as well.

        With a `sink` what is printed goes there as it comes and is not in the outcome; nothing more is read until it has
        returned. What it raises is raised here, perhaps within a group.
        """
        heard = _Heard(on_log, sink)
        # Set by the worker itself: it may be another user's by now, and prlimit of such a one needs CAP_SYS_RESOURCE.
        memory = limits.memory_bytes
        frame = encode_frame(encode(request, data_bytes=self._idle.data_bytes + memory, heap_bytes=memory))
        most = self._idle.resident_bytes + limits.memory_bytes + MEMORY_SLACK
        if self.process.leaf is not None:
            self.process.leaf.limit(most)
        call_bytes = request.capabilities.call_bytes if isinstance(request, Run) and answer is not None else 0
        begun = time.perf_counter()
        with trio.move_on_after(limits.wall_ms / 1000) as clock, self._overseer.watching(self.process, most) as watch:
            self._conversation.begin(limits, call_bytes)
            try:
                await self._channel.send_all(frame)
            except trio.BrokenResourceError:
                pass  # it has ended already
            else:
                await self._listen(heard, answer, limits)
            if not heard.ended:
                await self.exited.wait()  # let it die of its own cause: that cause is the status
        wall_ms = (time.perf_counter() - begun) * 1000
        end = await self.end()
        done, used = heard.done, max(0, max(watch.peak, end.max_resident_bytes) - self._idle.resident_bytes)
        status, failure = judge(
            Sighting(
                done=done,
                violation=heard.violation,
                timed_out=clock.cancelled_caught,
                over_budget=watch.over or self.process.starved,
                out_of_cpu=end.cpu_us >= self._cpu_s * 1_000_000,  # PID 1 of a namespace does not hear SIGXCPU
                lost=end.status is None,
                signal=os.WTERMSIG(end.status) if end.status is not None and os.WIFSIGNALED(end.status) else None,
                exit_code=os.WEXITSTATUS(end.status) if end.status is not None and os.WIFEXITED(end.status) else None,
                stderr=self.process.stderr,
                peak_bytes=used,
            ),
            limits,
        )
        usage = Usage(max(0, end.cpu_us - self._idle_cpu_us) / 1000, used, wall_ms)
        value = done.value if done is not None and failure is None else None
        returned = done.returned if done is not None and failure is None else None
        return Outcome(status, usage, tuple(heard.logs), heard.truncated, value, returned, failure)

    async def _listen(self, heard: "_Heard", answer: Answer | None, limits: Limits) -> None:
        """Hears it out. The tasks that answer host calls come with the first of these: most executions have none."""
        while await self._hear(heard) and not heard.calls:
            pass
        if heard.ended or answer is None or not heard.calls:
            return
        async with trio.open_nursery() as nursery:
            calls = Calls(nursery, self._channel, self._conversation, answer, most=limits.memory_bytes)
            calls.take(heard.take_calls())
            while await self._hear(heard):
                calls.take(heard.take_calls())
            nursery.cancel_scope.cancel()
        if calls.fault is not None:
            raise calls.fault
        if calls.unread:
            heard.violation = f"more than {limits.memory_bytes} bytes of host results that it does not read"

    async def _hear(self, heard: "_Heard") -> bool:
        """Takes what comes next; whether there is more to come."""
        try:
            messages = await self._receive()
        except ViolationError as problem:
            await heard.take(problem.before)
            heard.violation = problem.message
            return False
        await heard.take(messages)
        return bool(messages) and heard.done is None

    # ------------------------------------------------------------ the end

    def kill(self) -> None:
        """SIGKILL, at once and without waiting; harmless when it is dead already."""
        self.process.kill()

    async def end(self) -> Exit:
        """Kills it, waits until it is reaped, gives everything back. May be called again; cannot be cancelled."""
        end = await self.process.end()
        self.release()
        return end

    def release(self) -> None:
        """Gives the descriptors back. Called by `end`, and for a worker that ended by itself."""
        self.process.release()
        self._channel.close()


class _Heard:
    """What a worker has said so far."""

    def __init__(self, on_log: Callable[[LogLine], None] | None, sink: Sink | None) -> None:
        self.logs: list[LogLine] = []
        self.truncated = False
        self.done: Done | None = None
        self.violation: str | None = None
        self.calls: list[HostCall] = []
        self._on_log, self._sink = on_log, sink

    @property
    def ended(self) -> bool:
        """Whether it has said its last word, or one too many."""
        return self.done is not None or self.violation is not None

    def take_calls(self) -> list[HostCall]:
        """The host calls that nobody has taken yet."""
        calls, self.calls = self.calls, []
        return calls

    async def take(self, messages: Sequence[ToDaemon]) -> None:
        """Notes what was said. A checkpoint only with a sink, and something printed for it."""
        lines = [message for message in messages if type(message) is LogLine]
        self.logs += lines
        if self._on_log is not None:
            for line in lines:
                self._on_log(line)
        others = [message for message in messages if type(message) is not LogLine] if len(lines) < len(messages) else ()
        for message in others:
            if isinstance(message, HostCall):
                self.calls.append(message)
            elif isinstance(message, OutputFull):
                self.truncated = True
            elif isinstance(message, Done):
                self.done = message
        if self._sink is not None and (self.logs or self.truncated):
            lines, self.logs = self.logs, []
            await self._sink(lines, self.truncated)


class WorkerSource(Protocol):
    """How workers come to be. `lost` is set when it can make no more and its workers are dead."""

    lost: trio.Event
    layers: tuple[JailLayer, ...]
    cheap: bool
    """Whether a worker costs little enough to keep more of them ready when there is load."""

    async def spawn(self) -> Worker:
        """A worker that is ready for its one request. Raises WorkerStartError."""
        ...


async def bring_up(
    maker: Maker,
    overseer: Overseer,
    subtree: Subtree | None,
    *,
    cpu_s: int,
    timeout_ms: int,
    most_data: int = 0,
    idle: Idle | None = None,
) -> Worker:
    """A worker that `maker` makes, ready for its request. Raises WorkerStartError, with the step that failed.

    `most_data` is the memory limit with which it begins; 0 leaves that to the request. It gets a leaf of `subtree`.
    """
    worker: Worker | None = None
    problem = f"A worker was not ready within {timeout_ms} ms"
    try:
        with trio.move_on_after(timeout_ms / 1000):
            channel, theirs = Channel.pair()
            try:
                with theirs:
                    worker = Worker(await maker.make(theirs, data_bytes=most_data), channel, overseer, cpu_s=cpu_s, idle=idle)
            finally:
                if worker is None:
                    channel.close()
            if subtree is not None:  # moving takes some 50 us, and 10 ms when the kernel waits for all CPUs
                await trio.to_thread.run_sync(worker.process.move_into, subtree)
            await worker.start()
            return worker
    except WorkerStartError as error:
        raise WorkerStartError(layers.advise(error.message)) from None
    except OSError as error:
        raise WorkerStartError(f"A worker cannot be made: {error}") from None
    finally:
        if worker is not None and not worker.ready:
            await worker.end()  # noqa: ASYNC102 it shields itself
    words = worker.words if worker is not None else ""
    raise WorkerStartError(f"{problem}: {words}" if words else problem)
