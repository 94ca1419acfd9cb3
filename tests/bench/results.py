"""What a run of the benchmark has found, and how samples of several rounds become one row."""

import statistics
from collections import Counter
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from tests.bench.client import Measured


class Sample(Struct, frozen=True):
    """One load of one round; `cpu_ms` is of the server's whole tree."""

    measured: Measured
    cpu_ms: float


class Row(Struct, frozen=True):
    """A server under one workload. Rates and times are medians of rounds, p99 and the worst are over all answers."""

    server: str
    workload: str
    in_flight: int
    per_s: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    client_cpu_ms: float
    answers: int
    errors: dict[str, int]


class Memory(Struct, frozen=True):
    """Proportional set size of a server's tree: after its first answer, and the highest under W1 with 8 in flight."""

    idle_bytes: int | None
    peak_bytes: int | None


class Results(Struct, frozen=True):
    """Everything."""

    machine: dict[str, Any]
    settings: dict[str, Any]
    rows: list[Row]
    memory: dict[str, Memory]
    node_fib_ms: float | None

    def row(self, server: str, workload: str, in_flight: int) -> Row:
        """One row. Raises KeyError when it was not measured, or nothing was answered."""
        for row in self.rows:
            if (row.server, row.workload, row.in_flight) == (server, workload, in_flight) and row.answers:
                return row
        raise KeyError(server)

    @property
    def servers(self) -> list[str]:
        """Their names, in the order in which they were measured first."""
        return list(dict.fromkeys(row.server for row in self.rows))


def row_of(server: str, workload: str, in_flight: int, samples: Sequence[Sample]) -> Row:
    """The samples of all rounds as one row."""
    answered = [sample for sample in samples if sample.measured.latencies_ms]
    errors: Counter[str] = Counter()
    for sample in samples:
        errors.update(sample.measured.errors)
    latencies = sorted(latency for sample in answered for latency in sample.measured.latencies_ms)

    def median(values: list[float]) -> float:
        return round(statistics.median(values), 3) if values else 0.0

    def each(total: float, sample: Sample) -> float:
        return total / (len(sample.measured.latencies_ms) + sum(sample.measured.errors.values()))

    return Row(
        server=server,
        workload=workload,
        in_flight=in_flight,
        per_s=median([len(sample.measured.latencies_ms) / sample.measured.seconds for sample in answered]),
        p50_ms=median([statistics.median(sample.measured.latencies_ms) for sample in answered]),
        p99_ms=round(latencies[int(len(latencies) * 0.99)], 3) if latencies else 0.0,
        cpu_ms=median([each(sample.cpu_ms, sample) for sample in answered]),
        client_cpu_ms=median([each(sample.measured.client_cpu_ms, sample) for sample in answered]),
        answers=len(latencies),
        errors=dict(errors),
    )
