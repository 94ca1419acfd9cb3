"""Five hundred races of a cancel against the end, and how soon a cancelled worker is dead.

python -m tests.campaigns.cancels [RACES] [SEED]
"""

import random
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.daemon import running_daemon
from tests.support.executing import Caller
from tests.support.races import Raced, race, seconds_until_dead
from tests.support.stored import make_token

AT_ONCE = 4
DEATHS = 50


def main(races: int, seed: int) -> int:
    """Prints what it found; 0 if every race had one end."""
    raced, chance = Raced(), random.Random(seed)
    with tempfile.TemporaryDirectory() as folder, running_daemon(Path(folder) / "data", doors=["executions"]) as daemon:
        caller = Caller(daemon, make_token(daemon.data_dir, "racer"))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for done in [pool.submit(race, caller, raced, random.Random(chance.random())) for _ in range(races)]:
                done.result()
        deaths = sorted(seconds_until_dead(caller, daemon.process.pid) * 1000 for _ in range(DEATHS))
    print(f"seed {seed}: {races} races, {AT_ONCE} at once: {dict(raced.ends)}, {len(raced.problems)} with more than one end")
    print(
        f"{DEATHS} cancels of an endless loop: dead after {deaths[DEATHS // 2]:.0f} ms (median), {deaths[-1]:.0f} ms (longest)"
    )
    for problem in raced.problems:
        print(problem)
    return 1 if raced.problems else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 500, int(sys.argv[2]) if len(sys.argv) > 2 else 6))
