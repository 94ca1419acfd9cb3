"""One who watches an execution, event by event."""

from collections import deque
from functools import partial

from sandboxd.executions.hub import FINISHED, Topic
from sandboxd.executions.reading import Reading
from sandboxd.executions.submitted import Event, event
from sandboxd.store import journal_queries


class Watcher:
    """Iterates over events as they come, each once and in order, to the last one; ends early when the daemon drains.

    Between two events any time may pass: it holds no more than one read's worth of them.
    """

    def __init__(self, reading: Reading, topic: Topic, execution_id: str, after: int) -> None:
        self._reading, self._topic, self._id = reading, topic, execution_id
        self._number = after
        self._ready: deque[Event] = deque()
        self._finished = False

    def __aiter__(self) -> "Watcher":
        return self

    async def __anext__(self) -> Event:
        while not self._ready:
            if self._finished:
                raise StopAsyncIteration
            changed, over = self._topic.changed, self._topic.over.is_set()  # before looking: what comes meanwhile is not missed
            entries = self._topic.after(self._number)
            if not entries:
                after = partial(journal_queries.entries_after, execution_id=self._id, number=self._number)
                entries = await self._reading.read(after)
            self._ready.extend(map(event, entries))
            if not entries and over:
                raise StopAsyncIteration
            if not entries:
                await changed.wait()
        found = self._ready.popleft()
        self._number, self._finished = found.number, found.kind == FINISHED
        return found
