"""How much was asked of a pool of late."""

from typing import Final

import trio

WINDOW_S: Final = 5.0


class Load:
    """How many executions ran at the same time, at most, in this window of time and the one before."""

    def __init__(self) -> None:
        self._until, self._now, self._before = 0.0, 0, 0

    def peak(self, running: int) -> int:
        """The peak, with those that run now."""
        self._turn()
        self._now = max(self._now, running)
        return max(self._now, self._before)

    async def window(self) -> None:
        """Lasts as long as one."""
        await trio.sleep(WINDOW_S)

    def _turn(self) -> None:
        now = trio.current_time()
        if now >= self._until:
            self._before = self._now if now < self._until + WINDOW_S else 0
            self._now, self._until = 0, now + WINDOW_S
