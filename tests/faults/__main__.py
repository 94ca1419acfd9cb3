"""The faults in their long version, one after the other, and a table of what came of them.

make faults            (or: python -m tests.faults [--only NAME,NAME] [--short] [--out FILE])
"""

import argparse
import sys
from pathlib import Path

import msgspec

from tests.faults.catalogue import FAULTS, suffer
from tests.faults.report import table


def main() -> int:
    """Prints and writes what came of each. 1 when a promise was not kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description="What breaks around a daemon.")
    parser.add_argument("--only", default=",".join(FAULTS), help=f"faults by name, of: {', '.join(FAULTS)}")
    parser.add_argument("--short", action="store_true", help="as the tests have them")
    parser.add_argument(
        "--out", type=Path, default=Path(".faults/faults.json"), help="where the results go (.faults/faults.json)"
    )
    options = parser.parse_args()
    names = options.only.split(",")
    if unknown := set(names) - set(FAULTS):
        parser.error(f"no such fault: {', '.join(sorted(unknown))}")
    results = []
    for name in names:
        results.append(suffer(name, long=not options.short))
        last = results[-1]
        print(f"{name}: {last.skipped or '; '.join(last.problems) or 'kept'} ({last.seconds} s)", file=sys.stderr, flush=True)
    print(table(results))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_bytes(msgspec.json.format(msgspec.json.encode(results)) + b"\n")
    return int(any(found.problems for found in results))


if __name__ == "__main__":
    sys.exit(main())
