"""Mutation of the walls: python -m tests.mutate [--only TEXT]… [--jobs N] [--verbose]

Takes one line, rule, call, value or condition out of the system-call policy, or one step out of the launcher, at a time, in a
copy of the tree, and asks the probes that belong to it whether they notice: who fails with it, and not without. Prints who
noticed how many, and each mutant that nobody did: then a probe is missing, or what was taken out is superfluous. Exit code 1
when there is such a mutant.

Root's walls need root. Rules that only say something to a phase without probes (rule_probes.PROBES) are left out.
"""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from tests.mutate import rule_probes, rules, step_probes
from tests.mutate.mutant import Found, Mutant
from tests.mutate.tree import ROOT, NothingToMeasureBy, copy_tree


def is_rule(mutant: Mutant) -> bool:
    """Whether a mutant is one of the policy, or else one of the launcher."""
    return mutant.file.startswith(rules.FOLDER)


def judge(folder: Path, mutant: Mutant) -> Found:
    """Who notices a mutant; each process has a tree of its own."""
    tree = folder / str(os.getpid())
    if not tree.exists():
        copy_tree(folder / "whole", tree)
    return (rule_probes if is_rule(mutant) else step_probes).judge(tree, mutant)


def chosen(pool: ProcessPoolExecutor, only: Sequence[str]) -> list[Mutant]:
    """The mutants whose names have one of the texts in `only`, or all; of those that mean the same, the first."""
    written = [*rule_probes.mutants(), *step_probes.mutants()]
    wanted = [mutant for mutant in written if not only or any(text in mutant.name for text in only)]
    policy = [mutant for mutant in wanted if is_rule(mutant)]
    marks = dict[str, Mutant]()
    for mutant, mark in zip(policy, pool.map(rule_probes.sift, policy, chunksize=8), strict=True):
        if mark is not None:
            marks.setdefault(mark, mutant)
    return [*marks.values(), *(mutant for mutant in wanted if not is_rule(mutant))]


def table(found: Sequence[Found]) -> str:
    """For each file, who noticed how many."""
    counts = Counter((each.mutant.file, each.probe or "NOBODY") for each in found)
    return "\n".join(f"{number:5}  {file}  {probe}" for (file, probe), number in sorted(counts.items()))


def main() -> int:
    """See above."""
    options = argparse.ArgumentParser(prog="python -m tests.mutate")
    options.add_argument("--only", action="append", default=[], help="mutants whose name has this text; may be given again")
    options.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options.add_argument("--verbose", action="store_true", help="say of each mutant who noticed it")
    asked, begun = options.parse_args(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutate", dir="/var/tmp") as made, ProcessPoolExecutor(asked.jobs) as pool:
        folder = Path(made)  # not in /tmp, which some tests cover
        folder.chmod(0o755)
        copy_tree(ROOT, folder / "whole")
        mutants = chosen(pool, asked.only)
        if not mutants:
            print("There is no such mutant")
            return 1
        found = []
        try:
            for each in pool.map(partial(judge, folder), mutants):
                found.append(each)
                if asked.verbose:
                    print(f"{each.mutant.name}: {each.what or each.probe or 'NOBODY NOTICED'}", flush=True)
        except NothingToMeasureBy as problem:
            print(problem)
            return 1
    unnoticed = [each.mutant for each in found if not each.probe]
    print(table(found))
    print(f"noticed {len(found) - len(unnoticed)} of {len(found)} in {time.monotonic() - begun:.0f} s")
    for mutant in unnoticed:
        print(f"NOBODY NOTICED {mutant.name}")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
