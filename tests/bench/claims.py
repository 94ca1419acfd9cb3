"""What sandboxd promises of its speed, held against what was measured."""

from collections.abc import Callable
from operator import ge, gt, le

from msgspec import Struct

from tests.bench.results import Results

Figure = Callable[[Results, str], float]


class Promise(Struct, frozen=True):
    """Two figures and how they must stand. A gate must hold; a goal is reported."""

    what: str
    gate: bool
    figure: Figure
    holds: Callable[[float, float], bool]
    bound: Figure


class Claim(Struct, frozen=True):
    """A promise with its figures in one run."""

    server: str
    what: str
    gate: bool
    figure: float
    bound: float
    holds: bool


def rate(workload: str, server: str = "", times: float = 1.0) -> Figure:
    """Executions a second with 8 in flight, of a peer or of ourselves."""
    return lambda results, ours: results.row(server or ours, workload, 8).per_s * times


def always(bound: float) -> Figure:
    """A bound that no other figure moves."""
    return lambda _, __: bound


def _p50(results: Results, ours: str) -> float:
    return results.row(ours, "W1", 1).p50_ms


def _allowed_p50(results: Results, _: str) -> float:
    return results.row("bare", "W1", 1).p50_ms * 3 + 2


def _fib(results: Results, ours: str) -> float:
    return results.row(ours, "W4", 1).p50_ms


def _allowed_fib(results: Results, _: str) -> float:
    if results.node_fib_ms is None:
        raise KeyError("W4")
    return results.node_fib_ms * 1.1


def _cpu(results: Results, ours: str) -> float:
    return results.row(ours, "W1", 8).cpu_ms


PROMISES = (
    Promise("W1, 8 in flight: 8 times node -e, in executions/s", True, rate("W1"), ge, rate("W1", "node", 8)),
    Promise("W1, 8 in flight: twice workerd, in executions/s", True, rate("W1"), ge, rate("W1", "workerd", 2)),
    Promise("W1, 1 in flight: p50 at most 3 bare POSTs and 2 ms", True, _p50, le, _allowed_p50),
    Promise("W4, 1 in flight: p50 within 10 % of the body in a bare Node, ms", True, _fib, le, _allowed_fib),
    Promise("W1: CPU of the whole tree for each execution, ms", False, _cpu, le, always(4.5)),
    Promise("W1, 8 in flight: executions/s", False, rate("W1"), ge, always(400)),
    Promise("W1, 8 in flight: past the n8n runner, in executions/s", False, rate("W1"), gt, rate("W1", "n8n")),
    Promise("W2, 8 in flight: ahead of isolated-vm, in executions/s", False, rate("W2"), gt, rate("W2", "isolated-vm")),
    Promise("W5, 8 in flight: executions/s", False, rate("W5"), ge, always(150)),
)


def claims(results: Results) -> list[Claim]:
    """Every promise whose figures were measured, for each of our daemons in the run."""
    found = []
    for server in results.servers:
        for promise in PROMISES if server.startswith("sandboxd") else ():
            try:
                figure, bound = promise.figure(results, server), promise.bound(results, server)
            except KeyError:
                continue
            holds = promise.holds(figure, bound)
            found.append(Claim(server, promise.what, promise.gate, round(figure, 2), round(bound, 2), holds))
    return found
