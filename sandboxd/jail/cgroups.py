"""Cgroup v2: a leaf for each worker, where a subtree is delegated to the daemon. Every other wall stands without it.

The daemon moves itself into a leaf of its own first: a cgroup that gives controllers to those below it may hold no process. The
folder is locked for as long, for two daemons in one subtree would sweep each other's workers.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Final

import structlog

from sandboxd.errors import WorkerStartError
from sandboxd.jail import delegation
from sandboxd.jail.delegation import NoSubtree

DAEMON: Final = "daemon"
WORKER: Final = "worker-"
THREADS: Final = 64
"""Of one worker: a forked one has one, an executed one up to four, and code may have some more where its profile allows."""
DAEMON_WEIGHT: Final = 1000
"""The daemon, its launchers and fork servers, against 100 of each worker: who waits for an answer waits for them."""
BEHIND_WEIGHT: Final = 1
"""What nice 19 is among processes: niceness does not count between cgroups."""
SWEEP_S: Final = 5.0
log = structlog.get_logger()


class Leaf:
    """The cgroup of one worker. `fill` it, `limit` it before its request, `remove` it when the worker was reaped."""

    starved = False
    """Whether the kernel has killed in it for want of memory; known once it was removed."""

    def __init__(self, folder: Path, remains: "list[Leaf]") -> None:
        self.folder = folder
        self._remains = remains
        self._limited, self._filled = "memory" in delegation.CONTROLLERS, False

    def fill(self, pid: int) -> None:
        """Moves a process in, threads and all. Raises OSError, of which ProcessLookupError says that it is gone."""
        if self._limited:
            _write(self.folder / "pids.max", THREADS)
            if (self.folder / "memory.swap.max").exists():  # not where the kernel does not count swap
                _write(self.folder / "memory.swap.max", 0)
        _write(self.folder / "cgroup.procs", pid)

    def seal(self) -> None:
        """It is known that it was our process that was moved in, and not one that has its pid by now."""
        self._filled = True

    def limit(self, memory_bytes: int) -> None:
        """What may be charged to it from now on. Raises WorkerStartError."""
        if not self._limited:
            return
        try:
            _write(self.folder / "memory.max", memory_bytes)
        except OSError as problem:
            raise WorkerStartError(f"The memory of a worker's cgroup cannot be limited: {problem}", part="jail") from None

    def fall_behind(self) -> None:
        """Whatever else wants the CPU has it first."""
        if self._limited:
            with suppress(OSError):
                _write(self.folder / "cpu.weight", BEHIND_WEIGHT)

    def kill(self) -> None:
        """Kills what is in it, at once; harmless when that is nothing."""
        if self._filled:
            with suppress(OSError):
                _write(self.folder / "cgroup.kill", 1)

    def remove(self) -> None:
        """Takes it away, and those that could not be before: one with a living process stays until a later one goes."""
        if self._limited:
            with suppress(OSError):
                self.starved = "\noom_kill 0\n" not in f"\n{(self.folder / 'memory.events').read_text()}"
        gone, self._remains[:] = [*self._remains, self], []
        self._remains += [leaf for leaf in gone if not _removed(leaf.folder)]


class Subtree:
    """The cgroup that was delegated, the daemon in a leaf of it. Made by `open_subtree`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = count(1)
        self._remains: list[Leaf] = []

    def leaf(self) -> Leaf:
        """A new one, with nothing in it. Raises OSError. Any thread may ask."""
        leaf = Leaf(self.folder / f"{WORKER}{next(self._numbers)}", self._remains)
        leaf.folder.mkdir()
        return leaf


@contextmanager
def open_subtree() -> Iterator[Subtree | None]:
    """Our own cgroup, divided for as long as the block lasts; None, and a line in the log, where it cannot be.

    To be entered before the first child: it would be another process in a cgroup that may hold none.
    """
    with ExitStack() as stack:
        subtree: Subtree | None = None
        try:
            folder = delegation.find()
            stack.enter_context(_divided(folder))
            subtree = Subtree(folder)
            log.info("cgroups for workers", state="one each", folder=str(folder))
        except NoSubtree as problem:
            log.info("cgroups for workers", state="impossible here", why=problem.message)
        yield subtree


@contextmanager
def _divided(folder: Path) -> Iterator[None]:
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)  # given back by the kernel, however we end
        except BlockingIOError:
            raise NoSubtree(f"another daemon has divided {folder}") from None
        try:
            _divide(folder)
            yield
        finally:
            _restore(folder)
    finally:
        os.close(held)


def _divide(folder: Path) -> None:
    try:
        sweep(folder)
        (folder / DAEMON).mkdir()
        _write(folder / DAEMON / "cgroup.procs", os.getpid())
        if delegation.CONTROLLERS:
            _write(folder / "cgroup.subtree_control", " ".join(f"+{name}" for name in delegation.CONTROLLERS))
            _write(folder / DAEMON / "cpu.weight", DAEMON_WEIGHT)
    except OSError as problem:
        raise NoSubtree(f"{folder} cannot be divided: {problem}") from None


def sweep(folder: Path) -> None:
    """Kills and removes what an earlier life has left. Raises OSError when it does not go."""
    _end([each for each in folder.iterdir() if each.is_dir() and (each.name == DAEMON or each.name.startswith(WORKER))])


def _end(left: list[Path]) -> None:
    for each in left:
        _write(each / "cgroup.kill", 1)
    give_up = time.monotonic() + SWEEP_S
    while left := [each for each in left if not _removed(each)]:
        if time.monotonic() > give_up:
            raise OSError(f"{left[0]} does not end")
        time.sleep(0.005)


def _restore(folder: Path) -> None:
    """All as it was before us: a service manager may want to start something in it."""
    try:
        _end(list(folder.glob(f"{WORKER}*")))
        if delegation.CONTROLLERS:
            _write(folder / "cgroup.subtree_control", " ".join(f"-{name}" for name in delegation.CONTROLLERS))
        _write(folder / "cgroup.procs", os.getpid())
        (folder / DAEMON).rmdir()
    except OSError as problem:
        log.warning("the daemon's cgroup could not be left as it was", problem=str(problem))


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _write(file: Path, value: int | str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CLOEXEC)  # never made, never cut: it is the kernel's
    try:
        os.write(descriptor, str(value).encode())
    finally:
        os.close(descriptor)
