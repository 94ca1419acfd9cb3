"""A process's memory, watched from a thread so that a busy event loop hides nothing."""

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

MB = 1 << 20


def resident(pid: int) -> int:
    """The highest resident size of a living process so far, in bytes, as the kernel keeps it; 0 for one that is gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


class Watch:
    """`with Watch(pid) as watch: ...; watch.grown` is by how much the process's resident size grew at most, in bytes."""

    def __init__(self, pid: int) -> None:
        self.pid, self.idle = pid, resident(pid)
        self.peak = self.idle
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    @property
    def grown(self) -> int:
        return self.peak - self.idle

    def _look(self) -> None:
        for _ in self._ticks():
            self.peak = max(self.peak, resident(self.pid))

    def _ticks(self) -> Iterator[None]:
        while not self._stop.is_set():
            yield
            time.sleep(0.001)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()
