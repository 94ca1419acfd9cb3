"""Who watches which execution: woken when its journal grows, and handed what was just written. In memory only.

Nothing is kept for a watcher who is slow: he reads the journal from where he stands.
"""

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager

import trio

from sandboxd import metrics
from sandboxd.errors import QuotaExceeded
from sandboxd.store.journal_queries import Entry

FINISHED = "finished"


class Topic:
    """One execution that somebody watches. `changed` is set, and replaced, when there is more; `over` when nothing will come.

    `over` is set too when the daemon drains, because nobody shall wait then.
    """

    def __init__(self) -> None:
        self.changed, self.over = trio.Event(), trio.Event()
        self.watchers = 0
        self._latest: Sequence[Entry] = ()

    def tell(self, entries: Sequence[Entry]) -> None:
        """These were written."""
        self._latest = entries
        if any(entry.kind == FINISHED for entry in entries):
            self.over.set()
        self._wake()

    def end(self) -> None:
        """Nobody shall wait any more."""
        self.over.set()
        self._wake()

    def after(self, number: int) -> Sequence[Entry]:
        """What comes right after `number`, if it is what was written last; else nothing, and the journal has it."""
        if not self._latest or not self._latest[0].number <= number + 1 <= self._latest[-1].number:
            return ()
        return [entry for entry in self._latest if entry.number > number]

    def _wake(self) -> None:
        self.changed.set()
        self.changed = trio.Event()


class Hub:
    """The topics by execution, for as long as they are watched, by at most so many watchers of one user."""

    def __init__(self, per_user: int) -> None:
        self._topics: dict[str, Topic] = {}
        self._per_user, self._watchers = per_user, Counter[Hashable]()
        self._closed = False

    def admit(self, user: Hashable) -> None:
        """Raises QuotaExceeded where one more of the user's would be too many."""
        if self._watchers[user] >= self._per_user:
            metrics.REFUSALS.labels("watching").inc()
            raise QuotaExceeded(limit="watching", allowed=self._per_user, retry_after=1)

    @contextmanager
    def watching(self, execution_id: str, user: Hashable) -> Iterator[Topic]:
        """Whatever is told within the block is not missed."""
        topic = self._topics.setdefault(execution_id, Topic())
        topic.watchers += 1
        self._watchers[user] += 1
        if self._closed:
            topic.end()
        try:
            yield topic
        finally:
            topic.watchers -= 1
            self._watchers[user] -= 1
            if not topic.watchers:
                del self._topics[execution_id]
            if not self._watchers[user]:
                del self._watchers[user]

    def tell(self, execution_id: str, entries: Sequence[Entry]) -> None:
        """To be called after the commit."""
        if entries and (topic := self._topics.get(execution_id)) is not None:
            topic.tell(entries)

    def close(self) -> None:
        """Nobody shall wait any more, for anything."""
        self._closed = True
        for topic in self._topics.values():
            topic.end()
