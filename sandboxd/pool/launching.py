"""The launcher from the daemon's side: started for one profile, heard once about the walls, then a maker of processes."""

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Literal

import trio
from msgspec import Struct

import sandboxd
from sandboxd.jail import layers
from sandboxd.models import JailLayer
from sandboxd.pool.maker import Maker
from sandboxd.pool.overseer import Overseer

# Its siblings are imported by their package's name, and nothing else of the world's packages can be (-I -S).
START: Final = "import sys; sys.path.insert(0, sys.argv[1]); from sandboxd.jail.launcher import main; main(*sys.argv[2:])"
ROOT: Final = str(Path(sandboxd.__file__ or "").resolve().parent.parent)
MOST_REPORT: Final = 65_536


class Plan(Struct, frozen=True):
    """What the launcher needs to know once: the program, its environment (nothing is inherited), its rlimits and its walls.

    `relax` are the layers that may be missing. No `walls` is for programs that only pass for a Node: no policy leads there.
    """

    workers: Literal["fork", "exec"]
    """Whether the program is a fork server, or a worker itself."""
    argv: list[str]
    env: dict[str, str]
    rlimits: dict[str, int]
    walls: Mapping[str, object] | None
    relax: frozenset[str]
    start_timeout_ms: int
    cpu_s: int
    """Seconds of CPU time that a worker has in all."""
    ceiling_bytes: int
    """The largest memory budget of an execution."""
    profile: str = ""
    """Whose workers they are, for what is counted."""

    def for_launcher(self) -> str:
        """The JSON on the launcher's command line."""
        return json.dumps({"argv": self.argv, "env": self.env, "rlimits": self.rlimits, "walls": self.walls})


class Launcher(Maker):
    """A maker that goes behind the walls first, and says which of them stand."""

    layers: tuple[JailLayer, ...] = ()

    def __init__(self, control: socket.socket) -> None:
        super().__init__(control, "launcher")
        self.overseer = Overseer()
        """Of all workers that come from here."""

    async def hear_report(self, plan: Plan) -> None:
        """What came of each layer: the launcher's first message. Raises JailError when one is missing that may not be."""
        try:
            with trio.fail_after(plan.start_timeout_ms / 1000):
                report = await self.control.recv(MOST_REPORT)
        except (ConnectionError, trio.TooSlowError):
            report = b""
        if report and plan.walls is not None:
            self.layers = layers.judge(json.loads(report), plan.relax)


@asynccontextmanager
async def open_launcher(plan: Plan) -> AsyncIterator[Launcher]:
    """A launcher for as long as the block lasts. Leaving it kills its processes, then waits for the launcher itself."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    arguments = [ROOT, str(theirs.fileno()), str(os.getpid()), plan.for_launcher()]
    try:
        with theirs:
            process = subprocess.Popen(  # noqa: ASYNC220 once, from the main thread: PDEATHSIG follows the thread
                [sys.executable, "-I", "-S", "-c", START, *arguments],
                pass_fds=[theirs.fileno()],
                env={},
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
    except OSError:
        ours.close()
        raise
    launcher = Launcher(ours)
    try:
        async with trio.open_nursery() as nursery:
            await launcher.hear_report(plan)
            nursery.start_soon(launcher.serve)  # noqa: ASYNC113 it sets `lost` when it ends, at the latest
            nursery.start_soon(launcher.overseer.serve)  # noqa: ASYNC113 nobody waits for it
            yield launcher
            nursery.cancel_scope.cancel()
    finally:
        launcher.control.close()
        with trio.CancelScope(shield=True, deadline=trio.current_time() + 5):
            await trio.to_thread.run_sync(process.wait, abandon_on_cancel=True)
        if process.returncode is None:
            process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1)
