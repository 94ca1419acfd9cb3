"""Who may run next: a bounded number of running slots, and a bounded queue that is fair between users."""

import math
from collections import OrderedDict, deque
from collections.abc import Hashable

import trio

from sandboxd.errors import NoCapacity


class FairQueue:
    """`slots` run at once, of one user at most `share`. Of those who wait, the user with the fewest running goes first;
    among equals, in turn.
    """

    def __init__(self, *, slots: int, waiting: int, wait_ms: int, share: int | None = None) -> None:
        self.slots, self.most_waiting, self.wait_ms = slots, waiting, wait_ms
        self.share = share if share is not None else slots
        """Most slots of one user: whoever fills his with endless loops leaves the others theirs."""
        self.running = 0
        self.waiting = 0
        self._running_of: dict[Hashable, int] = {}
        self._lines: OrderedDict[Hashable, deque[_Turn]] = OrderedDict()
        self._pace_s = 0.1  # how long a slot is held, smoothed: what Retry-After is made of

    def slot(self, user: Hashable, *, patient: bool = False) -> "_Slot":
        """A running slot for as long as the block lasts. Raises NoCapacity when the queue is full or the wait too long.

        Who is patient waits however long it takes and is not counted: his caller bounds how many of him there are.
        """
        return _Slot(self, user, patient)

    async def _come_in(self, user: Hashable, patient: bool) -> None:
        if self.running < self.slots and self._may_enter(user) and user not in self._lines:
            self._enter(user)
        elif self.waiting >= self.most_waiting and not patient:
            raise self.no_capacity()
        else:
            await self._wait(user, _Turn(patient))

    def _go(self, user: Hashable, held_s: float) -> None:
        self._pace_s += 0.1 * (held_s - self._pace_s)
        self._leave(user)

    async def _wait(self, user: Hashable, turn: "_Turn") -> None:
        self._lines.setdefault(user, deque()).append(turn)
        self.waiting += not turn.patient
        try:
            with trio.move_on_after(math.inf if turn.patient else self.wait_ms / 1000):
                await turn.came.wait()
        except BaseException:
            if turn.came.is_set():
                self._leave(user)  # the turn came in the same moment: it goes on to the next
            else:
                self._step_out(user, turn)
            raise
        if not turn.came.is_set():
            self._step_out(user, turn)
            raise self.no_capacity()

    def _step_out(self, user: Hashable, turn: "_Turn") -> None:
        self.waiting -= not turn.patient
        self._lines[user].remove(turn)
        if not self._lines[user]:
            del self._lines[user]

    def _enter(self, user: Hashable) -> None:
        self.running += 1
        self._running_of[user] = self._running_of.get(user, 0) + 1

    def _leave(self, user: Hashable) -> None:
        self.running -= 1
        self._running_of[user] -= 1
        if not self._running_of[user]:
            del self._running_of[user]
        while self.running < self.slots and self._next():
            pass

    def _may_enter(self, user: Hashable) -> bool:
        return self._running_of.get(user, 0) < self.share

    def _next(self) -> bool:
        """Lets one in, if there is one who may."""
        user = min(self._lines, key=lambda each: self._running_of.get(each, 0), default=None)  # the first of equals: in turn
        if user is None or not self._may_enter(user):
            return False
        line = self._lines[user]
        turn = line.popleft()
        if line:
            self._lines.move_to_end(user)
        else:
            del self._lines[user]
        self.waiting -= not turn.patient
        self._enter(user)
        turn.came.set()
        return True

    def no_capacity(self) -> NoCapacity:
        """What to raise for who cannot be served now: how long a slot is held tells when to come again."""
        return NoCapacity(retry_after=max(1, math.ceil(self._pace_s * (self.waiting + 1) / self.slots)))


class _Slot:
    """See `slot`. A class: a generator in its place takes five times as long."""

    def __init__(self, queue: FairQueue, user: Hashable, patient: bool) -> None:
        self._queue, self._user, self._patient = queue, user, patient
        self._begun = 0.0

    async def __aenter__(self) -> None:
        await self._queue._come_in(self._user, self._patient)
        self._begun = trio.current_time()

    async def __aexit__(self, *_: object) -> None:
        self._queue._go(self._user, trio.current_time() - self._begun)


class _Turn:
    """One who waits for a slot."""

    def __init__(self, patient: bool) -> None:
        self.came, self.patient = trio.Event(), patient
