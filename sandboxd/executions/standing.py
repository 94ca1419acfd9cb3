"""Where the engine stands at this moment, as gauges: read when a scrape asks, kept up to date by nobody."""

from collections.abc import Callable, Iterable

from sandboxd import __version__, metrics
from sandboxd.executions.engine import Engine
from sandboxd.executions.submissions import Submissions
from sandboxd.models import Status

_ENDS = [status for status in Status if status not in (Status.queued, Status.running)]
_LIMITS = ("concurrent", "queued", "watching", "hourly", "daily", "monthly")


def standing(engine: Engine, submissions: Submissions) -> Callable[[], Iterable[metrics.Reading]]:
    """What reads them. Counters that are known by now begin at 0: a series that begins at 1 hides its first increase."""
    for name in engine.pools:  # a door serves the profile of its name
        for status in _ENDS:
            metrics.EXECUTIONS.labels(name, name, status)
    for limit in _LIMITS:
        metrics.REFUSALS.labels(limit)

    def read() -> Iterable[metrics.Reading]:
        yield metrics.BUILD, (__version__, engine.node.version, engine.workers), 1
        yield metrics.RUNNING, (), engine.queue.running
        yield metrics.SLOTS, (), engine.queue.slots
        yield metrics.WAITING, (), engine.queue.waiting
        yield metrics.QUEUED, (), submissions.scheduler.waiting
        yield metrics.POLICY_REFUSED, (), bool(engine.policy_problem)
        for name, pool in engine.pools.items():
            yield metrics.READY, (name,), pool.ready
            yield metrics.LENT, (name,), pool.lent
            yield metrics.DEGRADED, (name,), pool.problem is not None

    return read
