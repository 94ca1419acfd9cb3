"""What is counted: each metric's name, kind, labels and meaning, and the registry in which a scrape finds them.

Counters and histograms are the process's, as the log is: one process runs one daemon, and no floor has to hand them down. They
are in no registry until `registry` makes one. What can be read when it is asked for is not kept here: see `Reading`.

No label may come from a caller or from his code, whoever sends what: only names from policies, the settings and this program.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, Final

from msgspec import Struct
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series beside each counter, which says when it began: with the process, all of them


class Told(Struct, frozen=True):
    """One metric as docs/metrics.md has to explain it. `kind` is counter, gauge or histogram."""

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str


TABLE: Final[list[Told]] = []
"""Every metric of ours."""
_COUNTED: Final[list[Collector]] = []
_LATENCY: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_COMMIT: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
_BATCH: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)


def _tell(name: str, kind: str, labels: tuple[str, ...], text: str) -> Told:
    TABLE.append(Told(name, kind, labels, text))
    return TABLE[-1]


def _counter(name: str, text: str, *labels: str) -> Counter:
    _tell(name, "counter", labels, text)
    made = Counter(name, text, labels, registry=None)
    _COUNTED.append(made)
    return made


def _histogram(name: str, text: str, *labels: str, buckets: Sequence[float] = _LATENCY) -> Histogram:
    _tell(name, "histogram", labels, text)
    made = Histogram(name, text, labels, registry=None, buckets=buckets)
    _COUNTED.append(made)
    return made


def _gauge(name: str, text: str, *labels: str) -> Told:
    return _tell(name, "gauge", labels, text)


# ------------------------------------------------------------------ executions

EXECUTIONS: Final = _counter("sandboxd_executions_total", "Executions that have ended", "door", "profile", "status")
WALL: Final = _histogram("sandboxd_execution_wall_seconds", "What they took, of those that ran to an end of their own", "door")
CPU: Final = _counter("sandboxd_execution_cpu_seconds_total", "CPU time of the same", "door")
HTTP: Final = _counter("sandboxd_http_requests_total", "Requests to the API that were answered, by status code", "code")
REFUSALS: Final = _counter("sandboxd_quota_refusals_total", "Requests that a quota refused, by the limit that did", "limit")
HOST_CALLS: Final = _counter(
    "sandboxd_host_calls_total", "Host calls, by the rule that refused or ended them, or allowed", "profile", "verdict"
)

# ------------------------------------------------------------------ queue and workers

RUNNING: Final = _gauge("sandboxd_running", "Executions and checks that hold a slot")
SLOTS: Final = _gauge("sandboxd_slots", "How many slots there are")
WAITING: Final = _gauge("sandboxd_queue_length", "Requests that wait for a slot")
QUEUED: Final = _gauge("sandboxd_queued_submissions", "Submitted executions that wait for their turn")
LEASE_WAIT: Final = _histogram(
    "sandboxd_lease_wait_seconds", "From asking for a worker to having it, queue included", "profile"
)
WORKER_START: Final = _histogram("sandboxd_worker_start_seconds", "From making a worker to its ready", "profile")
START_FAILURES: Final = _counter("sandboxd_worker_start_failures_total", "Workers, and what makes them, that failed", "profile")
READY: Final = _gauge("sandboxd_workers_ready", "Workers that wait for a request", "profile")
LENT: Final = _gauge("sandboxd_workers_lent", "Workers that have one", "profile")
DEGRADED: Final = _gauge("sandboxd_pool_degraded", "1 while workers of a profile do not start", "profile")
SOURCE_START: Final = _histogram(
    "sandboxd_worker_source_start_seconds", "From starting a launcher to its walls, with the fork server behind them", "profile"
)
SOURCES_LOST: Final = _counter(
    "sandboxd_worker_sources_lost_total", "Launchers and fork servers that ended by themselves", "profile"
)
REPLACED: Final = _counter(
    "sandboxd_fork_servers_replaced_total", "Fork servers that were replaced when they were due", "profile"
)

# ------------------------------------------------------------------ store and daemon

COMMIT: Final = _histogram("sandboxd_store_commit_seconds", "What a commit took", buckets=_COMMIT)
BATCH: Final = _histogram("sandboxd_store_commit_items", "Jobs and records in a commit", buckets=_BATCH)
FAILED_WRITES: Final = _counter("sandboxd_store_failed_writes_total", "Jobs and records that the store could not write")
POLICY_REFUSED: Final = _gauge("sandboxd_policy_refused", "1 while the last reload of the policy was refused")
BUILD: Final = _gauge("sandboxd_build_info", "1; what runs stands in the labels", "version", "node", "workers")


# To find the counter of some labels takes longer than to count.
_executions, _wall, _cpu = cache(EXECUTIONS.labels), cache(WALL.labels), cache(CPU.labels)


def ended(door: str, profile: str, status: str, *, wall_ms: float | None, cpu_ms: float | None) -> None:
    """Counts an execution that has ended; times are None where nothing was measured."""
    _executions(door, profile, status).inc()
    if wall_ms is not None:
        _wall(door).observe(wall_ms / 1000)
    if cpu_ms is not None:
        _cpu(door).inc(cpu_ms / 1000)


Reading = tuple[Told, Sequence[str], float]
"""A gauge, the values of its labels, and where it stands."""
Read = Callable[[], Iterable[Reading]]


class _Now(Collector):
    """Gauges, read when somebody asks for them."""

    def __init__(self, read: Read) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        """All that have a reading."""
        found: dict[str, Any] = {}
        for told, labels, value in self._read():
            if told.name not in found:
                found[told.name] = GaugeMetricFamily(told.name, told.help, labels=told.labels)
            found[told.name].add_metric(labels, value)
        return found.values()


def registry(read: Read) -> CollectorRegistry:
    """What a scrape of one daemon finds: what was counted, what `read` gives now, and what the kernel says of this process."""
    found = CollectorRegistry()
    for counted in _COUNTED:
        found.register(counted)
    found.register(_Now(read))
    ProcessCollector(registry=found)
    return found
