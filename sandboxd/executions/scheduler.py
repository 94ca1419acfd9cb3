"""Which queued execution is next. Pure: no clock, no store, no tasks.

The tenant with the fewest running goes first, then the user of his with the fewest; among equals in turn; of one user in the
order in which they came. Only ids are kept, so that tens of thousands are cheap.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from msgspec import Struct

K = TypeVar("K")
User = tuple[str, str]


class Queued(Struct, frozen=True):
    """One execution that waits. `most` is how many of its user's may run at the same time."""

    id: str
    user: User
    most: int | None


class Rota(Generic[K]):
    """Names in the order in which they have their turn: those with the fewest running first, among equals in turn."""

    def __init__(self) -> None:
        self._levels: dict[int, OrderedDict[K, None]] = {}

    def __iter__(self) -> Iterator[K]:
        for level in sorted(self._levels):
            yield from self._levels[level]

    def add(self, name: K, running: int) -> None:
        """At the end of its equals, where it stays if it is there already."""
        self._levels.setdefault(running, OrderedDict())[name] = None

    def remove(self, name: K, running: int) -> None:
        """Harmless when it is not there."""
        level = self._levels.get(running)
        if level is not None:
            level.pop(name, None)
            if not level:
                del self._levels[running]

    def move(self, name: K, before: int, after: int) -> None:
        """What it has running has changed; if it was waiting it goes behind its new equals."""
        if name in self._levels.get(before, ()):
            self.remove(name, before)
            self.add(name, after)


class Scheduler:
    """`slots` of what is queued may run at once, of one user at most `share`."""

    def __init__(self, *, slots: int, share: int) -> None:
        self.slots, self.share = slots, share
        self.running = 0
        self.waiting = 0
        self._lines: dict[User, deque[Queued]] = {}
        self._running_of: dict[User | str, int] = {}
        self._tenants: Rota[str] = Rota()
        self._users: dict[str, Rota[User]] = {}

    def put(self, queued: Queued) -> None:
        """At the end of its user's line."""
        self._line(queued.user).append(queued)
        self.waiting += 1

    def put_back(self, queued: Queued) -> None:
        """At the head of its user's line."""
        self._line(queued.user).appendleft(queued)
        self.waiting += 1

    def remove(self, execution_id: str, user: User) -> Queued | None:
        """Takes it out of the line, if it is still there."""
        found = next((each for each in self._lines.get(user, ()) if each.id == execution_id), None)
        if found is not None:
            self._lines[user].remove(found)
            self._left(user)
        return found

    def place(self, execution_id: str, user: User) -> int | None:
        """Where it stands in its user's line, from 1; None when it is not there."""
        return next((place for place, each in enumerate(self._lines.get(user, ()), 1) if each.id == execution_id), None)

    def head(self, user: User) -> Queued | None:
        """The first of a user's line."""
        line = self._lines.get(user)
        return line[0] if line else None

    def waiting_of(self, user: User) -> int:
        """How many of a user's wait."""
        return len(self._lines.get(user, ()))

    def running_of(self, user: User) -> int:
        """How many of a user's queued executions run."""
        return self._running_of.get(user, 0)

    def next(self, may: Callable[[Queued], bool]) -> Queued | None:
        """Takes the next one that `may` run now; from here on it runs, until `ended`."""
        if self.running >= self.slots:
            return None
        for tenant in self._tenants:
            for user in self._users[tenant]:
                if self.running_of(user) < self.share and may(self._lines[user][0]):
                    return self._take(user)
        return None

    def ended(self, user: User) -> None:
        """One that was taken runs no more."""
        self._change(user, -1)

    # ------------------------------------------------------------ lines

    def _line(self, user: User) -> deque[Queued]:
        """A user's line; with it the user has his turns."""
        line = self._lines.get(user)
        if line is None:
            tenant = user[0]
            line = self._lines[user] = deque()
            self._users.setdefault(tenant, Rota()).add(user, self.running_of(user))
            self._tenants.add(tenant, self._running_of.get(tenant, 0))
        return line

    def _take(self, user: User) -> Queued:
        queued = self._lines[user].popleft()
        self._change(user, 1)
        self._left(user)
        return queued

    def _left(self, user: User) -> None:
        """One has left the line: an empty one ends, and with the last of a tenant's his turns."""
        self.waiting -= 1
        if self._lines[user]:
            return
        tenant = user[0]
        del self._lines[user]
        self._users[tenant].remove(user, self.running_of(user))
        if next(iter(self._users[tenant]), None) is None:
            del self._users[tenant]
            self._tenants.remove(tenant, self._running_of.get(tenant, 0))

    def _change(self, user: User, by: int) -> None:
        tenant = user[0]
        self.running += by
        if tenant in self._users:
            self._users[tenant].move(user, self.running_of(user), self.running_of(user) + by)
            before = self._running_of.get(tenant, 0)
            self._tenants.move(tenant, before, before + by)
        for name in (user, tenant):
            self._running_of[name] = self._running_of.get(name, 0) + by
            if not self._running_of[name]:
                del self._running_of[name]
