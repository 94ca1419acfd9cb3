"""Quotas: how much one user may start over time. Pure rules: no clock and no store.

Nothing is ever counted. A limit of L is used up exactly when the L-th newest counted start lies inside its window, and
it is free again when that start leaves the window. So the store is asked for one row of an index per window.
"""

from calendar import timegm
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from msgspec import Struct

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
CONCURRENT_RETRY_SECONDS = 1


class Quota(Struct, frozen=True, forbid_unknown_fields=True):
    """What one user may do; None is unlimited.

    ``concurrent`` is executions at the same time, ``hourly`` and ``daily`` are starts in rolling windows of 3,600 and
    86,400 seconds, ``monthly`` is starts in the calendar month (UTC).
    """

    concurrent: int | None = None
    hourly: int | None = None
    daily: int | None = None
    monthly: int | None = None


class Window(Struct, frozen=True):
    """One limited window as it stands at one moment. A start belongs to it when it is later than ``since_ms``."""

    name: str
    allowed: int
    since_ms: int
    length_ms: int
    resets_ms: int | None = None
    """When everything in the window is freed at once (the month); None for a rolling window."""

    def freed_ms(self, start_ms: int) -> int:
        """When a start at ``start_ms`` leaves the window."""
        return start_ms + self.length_ms if self.resets_ms is None else self.resets_ms


class Exhausted(Struct, frozen=True):
    """The limit that refuses a start; ``retry_after`` is in whole seconds, at least 1."""

    limit: str
    allowed: int
    retry_after: int


def lowest(*quotas: Quota) -> Quota:
    """The lower of each limit, as when a user's quota meets his tier's."""

    def least(name: str) -> int | None:
        return min((limit for quota in quotas if (limit := getattr(quota, name)) is not None), default=None)

    return Quota(**{name: least(name) for name in Quota.__struct_fields__})


def windows(quota: Quota, now_ms: int) -> tuple[Window, ...]:
    """The windows that limit this quota at ``now_ms`` (milliseconds since the epoch): hourly, daily, monthly."""
    return tuple(_windows(quota, now_ms))


def _windows(quota: Quota, now_ms: int) -> Iterator[Window]:
    if quota.hourly is not None:
        yield Window("hourly", quota.hourly, now_ms - HOUR_MS, HOUR_MS)
    if quota.daily is not None:
        yield Window("daily", quota.daily, now_ms - DAY_MS, DAY_MS)
    if quota.monthly is not None:
        first, following = _month(now_ms)
        # The first millisecond of the month belongs to it, and since_ms is exclusive.
        yield Window("monthly", quota.monthly, first - 1, following - first, following)


def _month(now_ms: int) -> tuple[int, int]:
    """Start of the month that ``now_ms`` lies in, and of the next one, in UTC."""
    now = datetime.fromtimestamp(now_ms // 1000, UTC)
    following = (now.year + 1, 1) if now.month == 12 else (now.year, now.month + 1)
    return timegm((now.year, now.month, 1, 0, 0, 0)) * 1000, timegm((*following, 1, 0, 0, 0)) * 1000


def decide(quota: Quota, *, now_ms: int, running: int, newest: Sequence[int | None]) -> Exhausted | None:
    """May this user start one more? None is yes; else the exhausted limit that frees last.

    ``running`` is how many of his are running without this one. ``newest`` answers ``windows(quota, now_ms)`` one by
    one: the start of the L-th newest counted execution within that window (L is its ``allowed``), or None when there
    are fewer.
    """
    found: list[Exhausted] = []
    if quota.concurrent is not None and running >= quota.concurrent:
        found.append(Exhausted("concurrent", quota.concurrent, CONCURRENT_RETRY_SECONDS))
    for window, start_ms in zip(windows(quota, now_ms), newest, strict=True):
        if window.allowed <= 0:  # nobody may ever start: there is no start to wait for, so a whole window is named
            start_ms = now_ms
        if start_ms is not None:
            found.append(Exhausted(window.name, window.allowed, _seconds(window.freed_ms(start_ms) - now_ms)))
    return max(found, key=lambda exhausted: exhausted.retry_after, default=None)


def _seconds(milliseconds: int) -> int:
    return max(1, -(-milliseconds // 1000))


def header_windows(quota: Quota, now_ms: int) -> tuple[tuple[str, int, int], ...]:
    """The quota as (name, allowed, seconds), for ``errors.QuotaExceeded``; a month has its real length in seconds."""
    return tuple((window.name, window.allowed, window.length_ms // 1000) for window in windows(quota, now_ms))
