"""The results in words: one table for each workload, with ratios, then memory and promises."""

from collections.abc import Iterator

from tests.bench.claims import claims
from tests.bench.results import Results, Row
from tests.bench.servers import KINDS
from tests.bench.workloads import WORKLOADS

AGAINST = ("node", "workerd", "bare")
MB = 1 << 20


def report(results: Results) -> str:
    """All of it, as text."""
    return "\n".join([*_about(results), *_workloads(results), *_memory(results), *_claims(results)])


def _about(results: Results) -> Iterator[str]:
    yield ", ".join(f"{name} {value}" for name, value in (results.machine | results.settings).items())
    for server in results.servers:
        yield f"  {server:14}{KINDS[server].what}"


def _workloads(results: Results) -> Iterator[str]:
    for workload, in_flight in dict.fromkeys((row.workload, row.in_flight) for row in results.rows):
        rows = [row for row in results.rows if (row.workload, row.in_flight) == (workload, in_flight)]
        yield f"\n{workload} ({WORKLOADS[workload].what}), {in_flight} in flight"
        ratios = "".join(f"{'× ' + name:>10}" for name in AGAINST)
        yield f"  {'':14}{'per s':>9}{'p50 ms':>9}{'p99 ms':>9}{'CPU ms':>9}{ratios}{'client ms':>11}  errors"
        for row in sorted(rows, key=lambda row: -row.per_s):
            yield _line(results, row)


def _line(results: Results, row: Row) -> str:
    figures = f"{row.per_s:9.1f}{row.p50_ms:9.2f}{row.p99_ms:9.2f}{row.cpu_ms:9.2f}"
    errors = ", ".join(f"{count} {what}" for what, count in row.errors.items()) or "0"
    ratios = "".join(_ratio(results, row, name) for name in AGAINST)
    return f"  {row.server:14}{figures}{ratios}{row.client_cpu_ms:11.3f}  {errors}"


def _ratio(results: Results, row: Row, name: str) -> str:
    """How many times the executions a second of another server."""
    try:
        return f"{row.per_s / results.row(name, row.workload, row.in_flight).per_s:10.2f}"
    except KeyError:
        return f"{'–':>10}"


def _memory(results: Results) -> Iterator[str]:
    yield f"\nMemory of the whole tree (PSS)\n  {'':14}{'idle MB':>9}{'W1, 8 in flight, MB':>21}"
    for name, memory in results.memory.items():
        idle, peak = ("–" if value is None else f"{value / MB:.0f}" for value in (memory.idle_bytes, memory.peak_bytes))
        yield f"  {name:14}{idle:>9}{peak:>21}"


def _claims(results: Results) -> Iterator[str]:
    yield "\nPromises"
    if results.node_fib_ms is not None:
        yield f"  (the body of W4 in a bare Node: {results.node_fib_ms:.1f} ms)"
    for claim in claims(results):
        word = "holds" if claim.holds else "DOES NOT HOLD" if claim.gate else "not reached"
        kind = "gate" if claim.gate else "goal"
        yield f"  {claim.server:14}{kind}  {claim.what}: {claim.figure:g} against {claim.bound:g}: {word}"
