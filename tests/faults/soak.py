"""Three doors under a mixed load with attacks in it, for a while, and what is left of that.

    python -m tests.faults.soak [--minutes 10] [--callers 8] [--seed 8]

Answers are counted by door and kind. Memory (PSS of the whole tree), processes, and the daemon's descriptors and threads are
looked at all the time; printed is how they change, by least squares over the time after the first fifth, and what there is when
it is calm before and after. The load of one program at full speed is `python -m tests.bench.soak`.
"""

import argparse
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psutil
from msgspec import Struct, field

from tests.bench.meter import family, memory_bytes
from tests.faults.scene import Scene
from tests.support.actions import inline
from tests.support.attacks import OWN, read_attacks
from tests.support.daemon import Daemon, running_daemon
from tests.support.executing import Caller
from tests.support.processes import wait_gone
from tests.support.stored import make_token

CONFIG = 'doors = ["code-nodes", "executions", "actions"]\n[queue]\nper_user = 100000\n'
CALM_S = 15
"""Longer than the pool remembers a load, so that surplus workers are gone."""
SPARE = 16
"""Descriptors by which a calm daemon may differ from itself: threads keep connections to the database."""
ATTACK_MS = 3000


class Sample(NamedTuple):
    """One look at the daemon. `seconds` is since the begin."""

    seconds: float
    memory_mb: float
    descriptors: int
    processes: int
    threads: int


class Soaked(Struct):
    """What came of it."""

    answers: Counter[str] = field(default_factory=Counter)
    samples: list[Sample] = []
    calm: list[Sample] = []
    left: list[int] = []

    @property
    def wrong(self) -> dict[str, int]:
        """What should not have been answered."""
        return {said: count for said, count in self.answers.items() if said.endswith("!")}

    def slope(self, name: str) -> float:
        """By how much something changes in an hour, by least squares after the first fifth."""
        settled = self.samples[len(self.samples) // 5 :]
        line = statistics.linear_regression([each.seconds for each in settled], [getattr(each, name) for each in settled])
        return line.slope * 3600

    @property
    def grown(self) -> list[str]:
        """What there is more of than before, when it is calm."""
        before, after = self.calm
        more = [f"{after.processes} processes, {before.processes} before"] if after.processes > before.processes else []
        if after.descriptors > before.descriptors + SPARE:
            more.append(f"{after.descriptors} descriptors, {before.descriptors} before")
        return more


class Crowd:
    """Those who ask. A word that ends with ! is for what should not be."""

    def __init__(self, daemon: Daemon, soaked: Soaked, seed: int) -> None:
        self.daemon, self.soaked, self.seed = daemon, soaked, seed
        self.attacks = read_attacks(OWN)
        self.stop = threading.Event()
        self._lock = threading.Lock()

    def ask(self, number: int) -> None:
        """One caller with a token of his own, until he is stopped."""
        chance, caller = (
            random.Random(self.seed * 1000 + number),
            Caller(self.daemon, make_token(self.daemon.data_dir, f"u{number}")),
        )
        kinds: list[Callable[[Caller, random.Random], str]] = [self.execute, self.execute, self.submit, self.act, self.attack]
        while not self.stop.is_set():
            kind = chance.choice(kinds)
            said = Scene.told(lambda kind=kind: kind(caller, chance))  # type: ignore[misc]  # mypy knows no default of a lambda
            word = said if said in ("refused", "connection lost", "no answer in time") else ""
            with self._lock:
                self.soaked.answers[f"{kind.__name__}: {word}!" if word else said] += 1

    def execute(self, caller: Caller, chance: random.Random) -> str:
        """Code nodes."""
        number = chance.randrange(1000)
        answer = self.daemon.execute(caller.token, f"console.log('x'.repeat({number})); return {number}")
        if answer.status != 200:
            return f"execute: {answer.status}" + ("" if answer.status == 503 else "!")
        return "execute: right" if answer.json["return_value"] == number else "execute: wrong!"

    def submit(self, caller: Caller, chance: random.Random) -> str:
        """Executions, to their end."""
        number = chance.randrange(1000)
        answer = caller.exec(f"console.log('y'); {number}")
        if answer.status != 202:
            return f"submit: {answer.status}" + ("" if answer.status == 503 else "!")
        found = caller.ended(answer.json["execution_id"])
        return "submit: right" if found["result"] == str(number) else "submit: wrong!"

    def act(self, caller: Caller, _: random.Random) -> str:
        """Actions."""
        answer = caller.ask("POST", "/execute", body={"config": inline()})
        if answer.status != 200:
            return f"act: {answer.status}" + ("" if answer.status == 503 else "!")
        return "act: right" if answer.json["summary"]["result"]["ok"] else "act: wrong!"

    def attack(self, caller: Caller, chance: random.Random) -> str:
        """One of the attacks, of which nobody asks more than that it ends in a status of the house."""
        answer = self.daemon.execute(caller.token, chance.choice(self.attacks).code, timeout_ms=ATTACK_MS)
        return f"attack: {answer.status}" + ("" if answer.status in (200, 400, 503) else "!")


def look(daemon: Daemon, begun: float) -> Sample:
    """One sample."""
    own = psutil.Process(daemon.process.pid)
    memory = (memory_bytes(own.pid) or 0) / 2**20
    return Sample(time.monotonic() - begun, memory, own.num_fds(), len(list(family(own.pid))), own.num_threads())


def soak(folder: Path, seconds: float, callers: int, seed: int, *, calm_s: float = CALM_S) -> Soaked:
    """So many callers for so long."""
    soaked = Soaked()
    (folder / "c.toml").write_text(CONFIG)
    with running_daemon(folder / "data", "--config", str(folder / "c.toml")) as daemon:
        begun, crowd = time.monotonic(), Crowd(daemon, soaked, seed)
        time.sleep(calm_s)
        soaked.calm.append(look(daemon, begun))
        threads = [threading.Thread(target=crowd.ask, args=[number]) for number in range(callers)]
        for thread in threads:
            thread.start()
        while time.monotonic() - begun < seconds + calm_s:
            soaked.samples.append(look(daemon, begun))
            time.sleep(max(0.2, seconds / 300))
        crowd.stop.set()
        for thread in threads:
            thread.join()
        time.sleep(calm_s)
        soaked.calm.append(look(daemon, begun))
        pids = daemon.family()
        daemon.stop()
        soaked.left = wait_gone(pids)
    return soaked


def main() -> int:
    """Prints what it found; 1 when an answer was wrong, or something has grown."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description="Mixed load with attacks, for a while.")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--callers", type=int, default=8)
    parser.add_argument("--seed", type=int, default=8)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sandboxd-soak-") as folder:
        soaked = soak(Path(folder), options.minutes * 60, options.callers, options.seed)
    total = soaked.answers.total()
    print(f"seed {options.seed}: {total} answers in {options.minutes:g} minutes, {options.callers} callers")
    for said, count in sorted(soaked.answers.items()):
        print(f"  {said:24} {count:8}  {count / total:7.2%}")
    for name in Sample._fields[1:]:
        values = [float(getattr(each, name)) for each in soaked.samples]
        calm = ", ".join(f"{getattr(each, name):.0f}" for each in soaked.calm)
        spread = f"{min(values):.0f} to {max(values):.0f}, {statistics.median(values):.0f} in the middle"
        print(f"  {name:12} {spread}; {soaked.slope(name):+.1f} an hour; calm before and after: {calm}")
    print(f"  after the stop {len(soaked.left)} processes")
    for problem in soaked.grown:
        print(f"  GROWN {problem}")
    return int(bool(soaked.wrong or soaked.grown or soaked.left))


if __name__ == "__main__":
    sys.exit(main())
