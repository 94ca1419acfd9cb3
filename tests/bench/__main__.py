"""sandboxd beside its peers, in one run on one machine.

    make bench            (or: python -m tests.bench --help)

All servers are up at once and take turns; absolute figures say more about the machine than about the programs, ratios carry.
"""

import argparse
import shutil
import sys
from pathlib import Path

import msgspec

from tests.bench.claims import claims
from tests.bench.plot import plot
from tests.bench.report import report
from tests.bench.rounds import measure
from tests.bench.servers import KINDS


def main() -> int:
    """Measures, prints and writes. 1 when an answer was wrong."""
    usual = [name for name, kind in KINDS.items() if kind.usual]
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="sandboxd beside its peers, in one run.")
    parser.add_argument("--rounds", type=int, default=3, help="how often each workload has its turn on each server (3)")
    parser.add_argument("--seconds", type=float, default=1.5, help="how long a turn is (1.5)")
    parser.add_argument("--only", default=",".join(usual), help=f"servers by name, of: {', '.join(KINDS)}")
    parser.add_argument("--out", type=Path, default=Path(".bench"), help="where results.json and plot.svg go (.bench)")
    options = parser.parse_args()
    names = options.only.split(",")
    if unknown := set(names) - set(KINDS):
        parser.error(f"no such server: {', '.join(sorted(unknown))}")
    folder = options.out.absolute()
    shutil.rmtree(folder / "run", ignore_errors=True)
    results = measure(names, options.rounds, options.seconds, folder)
    print(report(results))
    everything = {**msgspec.to_builtins(results), "claims": msgspec.to_builtins(claims(results))}
    (folder / "results.json").write_bytes(msgspec.json.format(msgspec.json.encode(everything)) + b"\n")
    (folder / "plot.svg").write_text(plot(results))
    print(f"\nwritten: {folder}/results.json, {folder}/plot.svg", file=sys.stderr)
    return int(any(row.errors for row in results.rows))


if __name__ == "__main__":
    sys.exit(main())
