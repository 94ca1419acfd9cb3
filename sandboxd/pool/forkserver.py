"""The fork server: workers forked from one Node that has booted, behind the same walls, for a tenth of an exec's CPU.

The launcher makes the server as it makes an exec worker; only its channel is a control socket, on which it is then asked for
children in the launcher's own words. A server is replaced after so many forks or so long a time, because all its children share
its address-space layout: the next one is started beside it, and the old one ends with the last of its children.
"""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import structlog
import trio

from sandboxd import metrics
from sandboxd.errors import JailError, ProtocolError, WorkerStartError
from sandboxd.jail import attest, layers
from sandboxd.jail.cgroups import Subtree
from sandboxd.models import JailLayer
from sandboxd.pool.launching import Launcher, Plan, open_launcher
from sandboxd.pool.maker import Maker
from sandboxd.pool.process import Idle, Process, look
from sandboxd.pool.worker import Worker, bring_up
from sandboxd.protocol.frames import HEADER
from sandboxd.protocol.messages import Done, Ready, decode

FORKS: Final = 20_000
AGE_S: Final = 3600.0
AGAIN_S: Final = 30.0
"""How long a replacement that did not start is not tried again: the old server goes on."""
DATA_SLACK: Final = 1 << 20
"""What a child may hold beyond its server before its request."""
CHECK_S: Final = 0.5
CHILD_START_MS: Final = 5000
log = structlog.get_logger()


class _Server:
    """One Node that forks: its process, and the maker at the other end of its control socket."""

    def __init__(self, process: Process, maker: Maker, data_bytes: int) -> None:
        self.process, self.data_bytes = process, data_bytes
        self.idle: Idle | None = None
        """What its children hold when they are ready, as the first one was seen to."""
        self.maker = maker
        self.forks, self.born = 0, trio.current_time()
        self._asked: int | None = None
        self._silent = 0

    def silent_s(self) -> float:
        """For how long it owes an answer. To be asked every CHECK_S: the clock goes on while we are stopped, looks do not."""
        asked = self.maker.asked
        self._silent = self._silent + 1 if asked is not None and asked == self._asked else 0
        self._asked = asked
        return self._silent * CHECK_S


class ForkServer:
    """A worker source. `lost` is set when the server that it forks from has ended without being replaced."""

    cheap = True

    def __init__(
        self, plan: Plan, launcher: Launcher, nursery: trio.Nursery, subtree: Subtree | None, *, forks: int, age_s: float
    ) -> None:
        self.lost = trio.Event()
        self.layers: tuple[JailLayer, ...] = launcher.layers
        self.replaced = 0
        """How often a server has taken over from another."""
        self._plan, self._launcher, self._nursery, self._subtree = plan, launcher, nursery, subtree
        self._most_forks, self._most_age_s = forks, age_s
        self._server: _Server | None = None
        self._next_change = 0.0

    @property
    def pid(self) -> int:
        """The pid of the server that is forked from at present."""
        assert self._server is not None
        return self._server.process.pid

    async def spawn(self) -> Worker:
        """Forks a worker and waits until it is ready. Raises WorkerStartError."""
        server = self._server
        if server is None or self.lost.is_set():
            raise WorkerStartError("The fork server has ended")
        server.forks += 1
        if self._is_due(server):
            self._next_change = trio.current_time() + AGAIN_S
            self._nursery.start_soon(self._replace)
        worker = await bring_up(
            server.maker,
            self._launcher.overseer,
            self._subtree,
            cpu_s=self._plan.cpu_s,
            timeout_ms=min(CHILD_START_MS, self._plan.start_timeout_ms),
            most_data=server.data_bytes + DATA_SLACK + self._plan.ceiling_bytes,
            idle=server.idle,
        )
        server.idle = worker.idle
        return worker

    def _is_due(self, server: _Server) -> bool:
        now = trio.current_time()
        return now >= self._next_change and (server.forks >= self._most_forks or now - server.born >= self._most_age_s)

    async def _replace(self) -> None:
        """The next server takes over; the children of the old one are not touched."""
        try:
            await self.start()
        except (WorkerStartError, JailError) as problem:
            log.error("a fork server could not be replaced", problem=problem.message)
            return
        self.replaced, self._next_change = self.replaced + 1, 0.0
        metrics.REPLACED.labels(self._plan.profile).inc()

    async def start(self) -> None:
        """Starts a server, and from then on forks from it. Raises WorkerStartError and JailError."""
        server = await self._boot()
        self._server = server  # before it is heard: whoever hears it asks whether it is the present one
        self._nursery.start_soon(self._hear, server)
        self._nursery.start_soon(self._retire, server)

    async def _boot(self) -> _Server:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        maker = Maker(ours, "fork server")
        process: Process | None = None
        server: _Server | None = None
        problem = f"not ready within {self._plan.start_timeout_ms} ms"
        try:
            with theirs, trio.move_on_after(self._plan.start_timeout_ms / 1000):
                process = await self._launcher.make(theirs)
                theirs.close()
                await self._hear_ready(process, maker.control)
                server = _Server(process, maker, self._look(process))
                return server
        except (OSError, ProtocolError) as error:
            problem = str(error)
        finally:
            if server is None:
                maker.control.close()
                if process is not None:
                    await process.end()  # noqa: ASYNC102 it shields itself
        words = process.words if process is not None else ""
        raise WorkerStartError(layers.advise(f"The fork server did not start: {words or problem}"))

    async def _hear_ready(self, process: Process, control: trio.socket.SocketType) -> None:
        """Its one message in frames; what comes after it are answers."""
        said = await control.recv(4096)
        if not said:
            await process.end()
            words = process.words or "it ended without a word"
            raise WorkerStartError(layers.advise(f"The fork server did not start: {words}"))
        heard = decode(said[HEADER.size :])
        if isinstance(heard, Done) and heard.failure is not None:  # a profile may leave out a global that the harness needs
            raise ProtocolError(f"{heard.failure.name}: {heard.failure.message}")
        if not isinstance(heard, Ready):
            raise ProtocolError("it did not say that it is ready")

    def _look(self, process: Process) -> int:
        """What it holds, once it stands behind the walls that all its children inherit. Raises JailError."""
        enforced = {layer.name for layer in self.layers if layer.state == "enforced"}
        if enforced and (problems := attest.discrepancies(process.pid, enforced)):
            raise JailError(f"The fork server does not stand behind its walls: {'; '.join(problems)}", self.layers)
        return look(process).data_bytes

    async def _hear(self, server: _Server) -> None:
        await server.maker.serve()
        if server is self._server:
            self.lost.set()

    async def _retire(self, server: _Server) -> None:
        """Ends a server when another has taken its place and its last child is gone; and with us, whatever it is."""
        try:
            while (server is self._server or not server.maker.idle) and not server.maker.lost.is_set():
                with trio.move_on_after(CHECK_S):
                    await server.maker.lost.wait()
                if server.silent_s() >= self._plan.start_timeout_ms / 1000:  # it hangs, or somebody has stopped it
                    log.error("a fork server is killed: it does not answer", pid=server.process.pid)
                    server.process.kill()
                    await server.maker.lost.wait()
        finally:
            server.maker.control.close()
            await server.process.end()  # noqa: ASYNC102 it shields itself


@asynccontextmanager
async def open_forkserver(
    plan: Plan, subtree: Subtree | None = None, *, forks: int = FORKS, age_s: float = AGE_S
) -> AsyncIterator[ForkServer]:
    """A fork server for as long as the block lasts. Raises WorkerStartError and JailError when it does not start."""
    async with open_launcher(plan) as launcher, trio.open_nursery() as nursery:
        source = ForkServer(plan, launcher, nursery, subtree, forks=forks, age_s=age_s)
        await source.start()
        yield source
        nursery.cancel_scope.cancel()
