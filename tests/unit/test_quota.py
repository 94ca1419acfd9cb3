"""The rules of quotas, against a model that counts."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandboxd.policy.quota import (
    DAY_MS,
    HOUR_MS,
    Exhausted,
    Quota,
    Window,
    decide,
    header_windows,
    lowest,
    windows,
)

NOW = 1_700_000_000_000


def ms(*date: int) -> int:
    return int(datetime(*date, tzinfo=UTC).timestamp() * 1000)  # type: ignore[arg-type, misc]


def look_up(window: Window, starts: Sequence[int]) -> int | None:
    """What the store answers for one window."""
    inside = sorted((start for start in starts if start > window.since_ms), reverse=True)
    return inside[window.allowed - 1] if 0 < window.allowed <= len(inside) else None


def judge(quota: Quota, now_ms: int, starts: Sequence[int], running: int = 0) -> Exhausted | None:
    newest = [look_up(window, starts) for window in windows(quota, now_ms)]
    return decide(quota, now_ms=now_ms, running=running, newest=newest)


def allowed_by_counting(quota: Quota, now_ms: int, starts: Sequence[int]) -> bool:
    def month(at_ms: int) -> tuple[int, int]:
        at = datetime.fromtimestamp(at_ms / 1000, UTC)
        return at.year, at.month

    counts = (
        (quota.hourly, sum(now_ms - start < HOUR_MS for start in starts)),
        (quota.daily, sum(now_ms - start < DAY_MS for start in starts)),
        (quota.monthly, sum(month(start) == month(now_ms) for start in starts)),
    )
    return all(limit is None or count < limit for limit, count in counts)


limits = st.none() | st.integers(1, 6)
quotas = st.builds(Quota, hourly=limits, daily=limits, monthly=limits)
steps = st.one_of(
    st.integers(0, 5_000),
    st.sampled_from([HOUR_MS - 1, HOUR_MS, HOUR_MS + 1, DAY_MS - 1, DAY_MS, DAY_MS + 1]),
    st.integers(0, 12 * DAY_MS),
)
histories = st.tuples(st.integers(ms(2023, 1, 1), ms(2029, 1, 1)), st.lists(steps, max_size=30))


@given(quotas, histories)
def test_a_start_is_allowed_exactly_when_counting_allows_it(quota: Quota, history: tuple[int, list[int]]) -> None:
    """Looking at the L-th newest start decides as counting every window does, at every moment of a history."""
    now_ms, gaps = history
    starts: list[int] = []
    for gap in gaps:
        now_ms += gap
        allowed = judge(quota, now_ms, starts) is None
        assert allowed == allowed_by_counting(quota, now_ms, starts)
        if allowed:
            starts.append(now_ms)


@given(quotas, histories)
def test_retry_after_is_the_first_second_that_works(quota: Quota, history: tuple[int, list[int]]) -> None:
    """A refused caller who waits retry_after seconds is let in, and one who waits a second less is not."""
    now_ms, gaps = history
    starts: list[int] = []
    for gap in gaps:
        now_ms += gap
        exhausted = judge(quota, now_ms, starts)
        if exhausted is None:
            starts.append(now_ms)
        else:
            assert allowed_by_counting(quota, now_ms + exhausted.retry_after * 1000, starts)
            assert not allowed_by_counting(quota, now_ms + (exhausted.retry_after - 1) * 1000, starts)


def test_nothing_limited_allows_everything() -> None:
    """A quota without limits asks for no window and refuses nothing."""
    assert windows(Quota(), NOW) == ()
    assert decide(Quota(), now_ms=NOW, running=10_000, newest=()) is None


def test_concurrent_frees_within_a_second() -> None:
    """All slots in use is the limit `concurrent`, to be tried again after one second."""
    assert judge(Quota(concurrent=5), NOW, [], running=5) == Exhausted("concurrent", 5, 1)


def test_a_free_slot_is_enough() -> None:
    """One slot below the limit, one more may start."""
    assert judge(Quota(concurrent=5), NOW, [], running=4) is None


def test_the_limit_that_frees_last_is_named() -> None:
    """Of several exhausted limits the one with the longest retry_after is answered."""
    quota = Quota(concurrent=1, hourly=1, daily=2)
    starts = [NOW - DAY_MS + 10_000, NOW - 5_000]
    assert judge(quota, NOW, starts, running=1) == Exhausted("hourly", 1, 3595)


def test_retry_after_is_never_zero() -> None:
    """A window that frees in one millisecond still says one second."""
    assert judge(Quota(hourly=1), NOW, [NOW - HOUR_MS + 1]) == Exhausted("hourly", 1, 1)


@pytest.mark.parametrize(
    ("now_ms", "seconds"),
    [
        (ms(2024, 2, 29, 23, 59, 59), 1),
        (ms(2023, 2, 28, 0, 0, 0), 86_400),
        (ms(2024, 2, 28, 0, 0, 0), 2 * 86_400),
        (ms(2023, 12, 31, 23, 0, 0), 3600),
        (ms(2024, 1, 1, 0, 0, 0), 31 * 86_400),
    ],
)
def test_a_month_ends_with_the_month(now_ms: int, seconds: int) -> None:
    """An exhausted month is free at the first second of the next one in UTC, leap years and new year included."""
    assert judge(Quota(monthly=1), now_ms, [now_ms]) == Exhausted("monthly", 1, seconds)


def test_the_last_millisecond_of_a_month_does_not_count_in_the_next() -> None:
    """A start one millisecond before midnight belongs to the old month."""
    assert judge(Quota(monthly=1), ms(2024, 3, 1), [ms(2024, 3, 1) - 1]) is None


def test_the_first_millisecond_of_a_month_counts() -> None:
    """A start at midnight belongs to the new month."""
    assert judge(Quota(monthly=1), ms(2024, 3, 1) + 5, [ms(2024, 3, 1)]) is not None


def test_a_limit_of_zero_never_allows() -> None:
    """Zero refuses without any start to look at, and names the whole window."""
    assert judge(Quota(hourly=0), NOW, []) == Exhausted("hourly", 0, 3600)


def test_the_lower_limit_wins() -> None:
    """A user's and a tier's quota meet limit by limit; unlimited gives way."""
    per_user = Quota(concurrent=5, hourly=100, daily=1000)
    assert lowest(per_user, Quota(concurrent=1, monthly=100)) == Quota(1, 100, 1000, 100)


def test_header_windows_have_their_real_length() -> None:
    """The header gets each window in seconds; February of a leap year has 29 days."""
    quota = Quota(concurrent=1, hourly=100, daily=1000, monthly=500)
    assert header_windows(quota, ms(2024, 2, 10)) == (
        ("hourly", 100, 3600),
        ("daily", 1000, 86_400),
        ("monthly", 500, 29 * 86_400),
    )
