"""A look at all running workers every few milliseconds: at their memory, and at the CPU time that puts long ones behind."""

import contextlib
import os
from collections.abc import Iterator
from typing import Final

import trio

from sandboxd.pool.process import Process, Vitals

LOOK_S: Final = 0.005
PATIENCE_US: Final = 20_000
"""CPU time after which a worker goes behind the others: most code is through by then, an endless loop is not."""
NICE: Final = 19


class Watch:
    """The highest resident size that was seen of one running worker, against what is allowed."""

    def __init__(self, process: Process, most: int) -> None:
        self.most, self.peak = most, 0
        self._process = process
        self._vitals: Vitals | None = None
        self._due = trio.current_time() + LOOK_S  # most are gone before it, and cost nothing here
        self._patient = True

    @property
    def over(self) -> bool:
        """Whether it was killed for it."""
        return self.peak > self.most

    def look(self, now: float) -> None:
        """Kills the worker when its resident size passes the limit: compiled code is not in RLIMIT_DATA."""
        if now < self._due or self.over:
            return
        try:
            if self._vitals is None:
                self._vitals = Vitals(self._process.pid)
            self.peak = max(self.peak, self._vitals.resident_bytes())
            if self._patient and self._vitals.cpu_us() > PATIENCE_US:
                self._patient = False
                if self._process.leaf is not None:
                    self._process.leaf.fall_behind()
                os.setpriority(os.PRIO_PROCESS, self._vitals.pid, NICE)
        except OSError:
            return  # it has ended, or is a root's that we are not: the limits of the kernel hold all the same
        if self.over:
            self._process.kill()

    def close(self) -> None:
        """Gives back what the looks needed."""
        if self._vitals is not None:
            self._vitals.close()


class Overseer:
    """Looks at whatever is watched, while it runs."""

    def __init__(self) -> None:
        self._watched: set[Watch] = set()
        self._something = trio.Event()

    @contextlib.contextmanager
    def watching(self, process: Process, most: int) -> Iterator[Watch]:
        """A watch over a worker for as long as the block lasts."""
        watch = Watch(process, most)
        self._watched.add(watch)
        self._something.set()
        try:
            yield watch
        finally:
            self._watched.discard(watch)
            watch.close()

    async def serve(self) -> None:
        """Until cancelled."""
        while True:
            if not self._watched:
                self._something = trio.Event()
                await self._something.wait()
            await trio.sleep(LOOK_S)
            now = trio.current_time()
            for watch in list(self._watched):
                watch.look(now)
