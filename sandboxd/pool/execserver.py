"""The exec server: one-shot Node processes, made by the launcher. Works with every Node from 18 on."""

import contextlib
import errno
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import trio
from msgspec import Struct

import sandboxd
from sandboxd.errors import WorkerStartError
from sandboxd.jail import launcher, layers
from sandboxd.models import JailLayer
from sandboxd.pool.worker import Exit, Worker

# Its siblings are imported by their package's name, and nothing else of the world's packages can be (-I -S).
START: Final = "import sys; sys.path.insert(0, sys.argv[1]); from sandboxd.jail.launcher import main; main(*sys.argv[2:])"
ROOT: Final = str(Path(sandboxd.__file__ or "").resolve().parent.parent)
MOST_REPORT: Final = 65_536


class Plan(Struct, frozen=True):
    """What the launcher needs to know once: the program, its environment (nothing is inherited), its rlimits and its walls.

    `relax` are the layers that may be missing. No `walls` is for programs that only pass for a Node: no policy leads there.
    """

    argv: list[str]
    env: dict[str, str]
    rlimits: dict[str, int]
    walls: Mapping[str, object] | None
    relax: frozenset[str]
    start_timeout_ms: int

    @property
    def cpu_s(self) -> int:
        """Seconds of CPU time that a worker has in all."""
        return self.rlimits.get("CPU", sys.maxsize)

    def for_launcher(self) -> str:
        """The JSON on the launcher's command line."""
        return json.dumps({"argv": self.argv, "env": self.env, "rlimits": self.rlimits, "walls": self.walls})


class ExecServer:
    """The daemon's end of one launcher."""

    def __init__(self, plan: Plan, control: trio.socket.SocketType) -> None:
        self.lost = trio.Event()
        self.layers: tuple[JailLayer, ...] = ()
        self._plan, self._control = plan, control
        self._last = 0
        self._sending = trio.Lock()
        self._launching: dict[int, _Launch] = {}
        self._living: dict[int, Worker] = {}

    async def spawn(self) -> Worker:
        """Launches a worker and waits until it is ready. Raises WorkerStartError, with the step that failed."""
        if self.lost.is_set():
            raise WorkerStartError("The launcher has ended")
        try:
            return await self._spawn()
        except OSError as problem:
            raise WorkerStartError(f"A worker cannot be made: {problem}") from None

    async def _spawn(self) -> Worker:
        self._last += 1
        number = self._last
        with contextlib.ExitStack() as theirs:
            launch, rights = _prepare(theirs)
            try:
                with trio.fail_after(self._plan.start_timeout_ms / 1000):
                    await self._ask(number, launch, rights)
                    theirs.close()
                    await launch.answered.wait()
                    if launch.worker is None:
                        raise WorkerStartError(launch.refusal)
                    await launch.worker.start()
                    return launch.worker
            except trio.TooSlowError:
                await launch.give_up()  # noqa: ASYNC120 it shields itself
                words = f": {launch.worker.words}" if launch.worker is not None and launch.worker.words else ""
                raise WorkerStartError(f"A worker was not ready within {self._plan.start_timeout_ms} ms{words}") from None
            except WorkerStartError as problem:
                await launch.give_up()  # noqa: ASYNC120 it shields itself
                raise WorkerStartError(layers.advise(problem.message)) from None
            except BaseException:
                await launch.give_up()  # noqa: ASYNC102 it shields itself
                raise

    async def hear_report(self) -> None:
        """What came of each layer: the launcher's first message. Raises JailError when one is missing that may not be."""
        try:
            with trio.fail_after(self._plan.start_timeout_ms / 1000):
                report = await self._control.recv(MOST_REPORT)
        except (ConnectionError, trio.TooSlowError):
            report = b""
        if report and self._plan.walls is not None:
            self.layers = layers.judge(json.loads(report), self._plan.relax)

    async def _ask(self, number: int, launch: "_Launch", rights: "_Rights") -> None:
        async with self._sending:
            self._launching[number] = launch  # before the answer can come
            try:
                await self._control.sendmsg([launcher.REQUEST.pack(launcher.LAUNCH, number)], [rights])
            except BaseException:  # it was not sent: there is no half of a message
                self._launching.pop(number, None)
                raise

    async def serve(self) -> None:
        """Hears the launcher until it ends; then every worker of it is dead, and that is what they are told."""
        size = socket.CMSG_SPACE(4)
        try:
            while True:
                data, ancillary, _, _ = await self._control.recvmsg(launcher.REPLY.size, size, socket.MSG_CMSG_CLOEXEC)
                if not data:
                    break
                kind, number, pid, status, cpu_us, resident = launcher.REPLY.unpack(data)
                if kind == launcher.LAUNCHED and ancillary:
                    pidfd = int.from_bytes(ancillary[0][2][:4], sys.byteorder)
                    self._launched(number, pid, pidfd)
                elif kind == launcher.LAUNCHED:  # we are out of descriptors, and the kernel dropped this one
                    self._refused(number, errno.EMFILE)
                elif kind == launcher.EXITED:
                    self._exited(number, Exit(status, cpu_us, resident))
                else:
                    self._refused(number, pid)
        except ConnectionError:
            pass  # the same as an end
        finally:
            self.lost.set()
            for number in list(self._living):
                self._exited(number, Exit(None, 0, 0))
            for launch in self._launching.values():
                launch.refusal = "The launcher has ended"
                launch.answered.set()

    def _launched(self, number: int, pid: int, pidfd: int) -> None:
        launch = self._launching.pop(number)
        if launch.abandoned:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            os.close(pidfd)
            return
        cpu_s = self._plan.cpu_s
        launch.worker = Worker(pid=pid, pidfd=pidfd, channel=launch.channel, stderr=launch.stderr, cpu_s=cpu_s)
        self._living[number] = launch.worker
        launch.answered.set()

    def _exited(self, number: int, end: Exit) -> None:
        worker = self._living.pop(number, None)
        if worker is not None:
            worker.exit = end
            worker.exited.set()

    def _refused(self, number: int, problem: int) -> None:
        launch = self._launching.pop(number)
        launch.refusal = f"The launcher could not make a worker: {errno.errorcode.get(problem, problem)}"
        launch.answered.set()


class _Launch:
    """A worker that was asked for and has not been answered."""

    def __init__(self, channel: trio.SocketStream, stderr: int) -> None:
        self.channel, self.stderr = channel, stderr
        self.answered = trio.Event()
        self.worker: Worker | None = None
        self.refusal = "The launcher refused"
        self.abandoned = False

    async def give_up(self) -> None:
        """Nobody waits for this worker any more: it is ended if it is there, and cut off if it is still to come."""
        if self.worker is not None:
            await self.worker.end()
        else:
            self.abandoned = True
            self.channel.socket.close()
            os.close(self.stderr)


_Rights = tuple[int, int, bytes]


def _prepare(theirs: contextlib.ExitStack) -> tuple[_Launch, _Rights]:
    """A channel and a stderr pipe: our ends of them, and theirs as they are sent, which `theirs` closes."""
    ours, channel = socket.socketpair()
    theirs.callback(channel.close)
    try:
        read_end, write_end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        ours.close()
        raise
    theirs.callback(os.close, write_end)
    os.set_blocking(write_end, True)
    numbers = b"".join(number.to_bytes(4, sys.byteorder) for number in (channel.fileno(), write_end))
    stream = trio.SocketStream(trio.socket.from_stdlib_socket(ours))
    return _Launch(stream, read_end), (socket.SOL_SOCKET, socket.SCM_RIGHTS, numbers)


@asynccontextmanager
async def open_execserver(plan: Plan) -> AsyncIterator[ExecServer]:
    """An exec server for as long as the block lasts. Leaving it kills its workers, then waits for the launcher."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    program = [
        sys.executable,
        "-I",
        "-S",
        "-c",
        START,
        ROOT,
        str(theirs.fileno()),
        str(os.getpid()),
        plan.for_launcher(),
    ]
    try:
        with theirs:
            process = subprocess.Popen(  # noqa: ASYNC220 once, from the main thread: PDEATHSIG follows the thread
                program, pass_fds=[theirs.fileno()], env={}, stdin=subprocess.DEVNULL, start_new_session=True
            )
    except OSError:
        ours.close()
        raise
    control = trio.socket.from_stdlib_socket(ours)
    server = ExecServer(plan, control)
    try:
        async with trio.open_nursery() as nursery:
            await server.hear_report()
            nursery.start_soon(server.serve)  # noqa: ASYNC113 it sets `lost` when it ends, at the latest
            yield server
            nursery.cancel_scope.cancel()
    finally:
        control.close()
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 5):
            await trio.to_thread.run_sync(process.wait, abandon_on_cancel=True)
        if process.returncode is None:
            process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1)
