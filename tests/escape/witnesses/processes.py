"""Who lives below a process, looked at again and again: workers have no children."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import psutil

EVERY_S = 0.01
WORKERS = {"exec": 2, "fork": 3}
"""How deep below the daemon the workers of each kind are: nobody is deeper."""


def children(pid: int) -> Iterator[int]:
    """The living children of all threads of a process."""
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                yield from map(int, (task / "children").read_text().split())


def below(pid: int, depth: int = 1) -> Iterator[tuple[int, int]]:
    """Every descendant and how deep it is."""
    for child in children(pid):
        yield child, depth
        yield from below(child, depth + 1)


class Processes:
    """`with Processes(root, kind) as processes: …`: `strangers` were children of workers, `left()` still live afterwards."""

    def __init__(self, root: int, kind: str) -> None:
        self.strangers: dict[int, str] = {}
        self._root, self._deepest = root, WORKERS[kind]
        self._seen: dict[int, psutil.Process] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        while not self._stop.wait(EVERY_S):
            for pid, depth in below(self._root):
                with contextlib.suppress(psutil.Error):
                    if pid not in self._seen:
                        self._seen[pid] = psutil.Process(pid)
                    if depth > self._deepest and pid not in self.strangers:
                        self.strangers[pid] = " ".join(self._seen[pid].cmdline())

    def left(self) -> list[int]:
        """Those of all ever seen that have not ended; they are given the time that the kernel needs for it."""
        return [process.pid for process in psutil.wait_procs(self._seen.values(), timeout=10)[1]]

    def __enter__(self) -> "Processes":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()
