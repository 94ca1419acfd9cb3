"""What is run: five bodies of code nodes, each with the one right answer."""

from typing import Any

import msgspec
from msgspec import Struct


class Workload(Struct, frozen=True):
    """Code, and what it must give."""

    name: str
    what: str
    code: str
    results: Any
    logs: list[str] = []

    def request(self) -> bytes:
        """The body of a request for it; every server takes the same one."""
        return msgspec.json.encode({"code": self.code})


def _fib(n: int) -> int:
    before, last = 0, 1
    for _ in range(n):
        before, last = last, before + last
    return before


_SUM = "const x = 5 + 3; results.sum = x; console.log('Sum:', x)"
_TIMERS = """const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const squares = await Promise.all([1, 2, 3, 4, 5].map(async (n) => { await wait(n); return n * n; }));
results.sum = squares.reduce((a, b) => a + b, 0);
console.log('Sum:', results.sum);"""
_FIB = """function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
results.fib = fib(35);"""

WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("W1", "a sum and a line", _SUM, {"sum": 8}, ["Sum: 8"]),
        Workload(
            "W2",
            "an array of 10,000, a result of 46 KB",
            "results.list = Array.from({ length: 10000 }, (_, i) => (i * 7) % 5000)",
            {"list": [i * 7 % 5000 for i in range(10_000)]},
        ),
        Workload("W3", "promises and timers", _TIMERS, {"sum": 55}, ["Sum: 55"]),
        Workload("W4", "about 100 ms of fib", _FIB, {"fib": _fib(35)}),
        Workload(
            "W5",
            "1,000 lines",
            "for (let i = 0; i < 1000; i++) console.log('line', i); results.lines = 1000;",
            {"lines": 1000},
            [f"line {i}" for i in range(1000)],
        ),
    )
}

BARE = Workload("W0", "nothing: the size of the code comes back", _SUM, {"size": len(_SUM)})
"""What the bare HTTP front is asked: the request of W1, with no execution."""
