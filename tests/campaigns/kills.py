"""A daemon that is killed (-9) again and again while executions are submitted and run: none is lost, none runs twice.

    python -m tests.campaigns.kills [KILLS] [SEED]

Every program begins with a fetch to a server of ours, which is the witness of how often it ran. Three kills of four come at a
random moment of a life that serves, the fourth while the daemon starts, when it takes up what the kill before has left. A
submission without an answer is repeated in the next life under its Idempotency-Key, and must be one execution all the same.
With another signal than SIGKILL a life ends as that signal asks, and must end with exit 0.
"""

import http.client
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.daemon import FREE, SANDBOXD, Daemon, running_daemon
from tests.support.executing import Caller
from tests.support.stored import make_token
from tests.support.upstream import Upstream, response, running_upstream

CONFIG = 'doors = ["executions"]\ndrain_ms = 60000\n[queue]\nper_user = 100000\n'
CLIENTS = 3
LIFE_SECONDS = 1.5
"""The longest of a life that is killed while it serves."""
START_SECONDS = 2.5
"""The longest of one that is killed while it starts."""
LINES = 40
BODIES = (
    "",
    "await new Promise(resolve => setTimeout(resolve, 300));",
    f"for (let i = 0; i < {LINES}; i++) {{ console.log(i); await new Promise(resolve => setTimeout(resolve, 10)) }}",
)
PRINTED = ("", "", "".join(f"{i}\n" for i in range(LINES)))


class Campaign:
    """One data directory through many lives. `problems` is what should not have been."""

    def __init__(self, folder: Path, witness: Upstream, seed: int, number: signal.Signals) -> None:
        self.data, self.witness, self.chance = folder / "data", witness, random.Random(seed)
        self.config = folder / "c.toml"
        self.config.write_text(CONFIG)
        self.token = make_token(self.data, "killer")
        self.accepted: dict[str, str] = {}
        self.unanswered: set[str] = set()
        self.named = self.kills = 0
        self.number = number
        self.ends: Counter[str] = Counter()
        self.lost: list[str] = []
        self.doubled: list[str] = []
        self.problems: list[str] = []
        self._lock = threading.Lock()

    # ------------------------------------------------------------ lives

    def kill(self) -> None:
        """One life and its end."""
        if self.kills % 4 == 3:
            self._kill_starting()
        else:
            with self._life() as daemon:
                clients = [threading.Thread(target=self._submit_until_killed, args=[daemon]) for _ in range(CLIENTS)]
                for client in clients:
                    client.start()
                time.sleep(self.chance.random() * LIFE_SECONDS)
                code = daemon.stop(self.number)
                for client in clients:
                    client.join()
                if code not in (0, -signal.SIGKILL):
                    self.problems.append(f"a life ended with {code}")
        self.kills += 1

    @contextmanager
    def _life(self) -> Iterator[Daemon]:
        with running_daemon(self.data, "--config", str(self.config)) as daemon:
            yield daemon

    def _kill_starting(self) -> None:
        command = [*SANDBOXD, "serve", "--bind", "127.0.0.1:0", "--data-dir", str(self.data), "--config", str(self.config)]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=os.environ | FREE) as process:
            time.sleep(self.chance.random() * START_SECONDS)
            process.send_signal(self.number)

    def _submit_until_killed(self, daemon: Daemon) -> None:
        while daemon.process.poll() is None:
            with self._lock:
                name = self.unanswered.pop() if self.unanswered else self._next_name()
            try:
                self._submit(daemon, name)
            except (OSError, http.client.HTTPException):
                with self._lock:
                    self.unanswered.add(name)
            time.sleep(0.05)

    def _next_name(self) -> str:
        self.named += 1
        return str(self.named)

    def _submit(self, daemon: Daemon, name: str) -> None:
        code = f"await fetch('{self.witness.url}/ran?{name}'); {BODIES[int(name) % len(BODIES)]}"
        answer = Caller(daemon, self.token).exec(code, key=name)
        if answer.status == 202:
            self.accepted[name] = answer.json["execution_id"]
        else:
            self.problems.append(f"{name} was answered {answer.status}: {answer.body!r}")

    # ------------------------------------------------------------ the reckoning

    def reckon(self) -> None:
        """A last life, in which everything comes to its end, and what became of each."""
        with self._life() as daemon:
            for name in self.unanswered:
                self._submit(daemon, name)
            caller = Caller(daemon, self.token)
            for name, execution_id in self.accepted.items():
                self._judge(caller, name, execution_id)
            listed, before = 0, ""
            while page := caller.listed(f"?limit=100{before}"):
                listed, before = listed + len(page), f"&before={page[-1]['execution_id']}"
            if listed != len(self.accepted):
                self.problems.append(f"{listed} executions of {len(self.accepted)} submissions")

    def _judge(self, caller: Caller, name: str, execution_id: str) -> None:
        try:
            found = caller.ended(execution_id)
        except AssertionError:
            self.lost.append(name)
            return
        ran = sum(seen.target == f"/ran?{name}" for seen in self.witness.seen)
        if ran > 1:
            self.doubled.append(name)
        page = caller.page(execution_id, f"byte_limit={1 << 20}")
        output, printed = page["data"], PRINTED[int(name) % len(PRINTED)]
        if found["status"] == "completed":
            self.ends["completed"] += 1
            if ran != 1 or output != printed:
                self.problems.append(f"{name} completed, ran {ran} times and printed {output!r}")
        elif found["status"] == "failed" and "daemon restarted" in found["error"]:
            self.ends["ended by a restart"] += 1
            if ran > 1 or not printed.startswith(output):
                self.problems.append(f"{name} was cut off, ran {ran} times and printed {output!r}")
        else:
            self.problems.append(f"{name} ended as {found}")


def campaign(folder: Path, kills: int, seed: int, number: signal.Signals = signal.SIGKILL) -> Campaign:
    """So many kills, and the reckoning."""
    with running_upstream({"/ran": response(b"seen")}) as witness:
        found = Campaign(folder, witness, seed, number)
        while found.kills < kills:
            found.kill()
        found.reckon()
    return found


def main(kills: int, seed: int) -> int:
    """Prints what it found; 0 if nothing was lost and nothing doubled."""
    with tempfile.TemporaryDirectory() as folder:
        found = campaign(Path(folder), kills, seed)
    print(
        f"seed {seed}: {found.kills} kills, {len(found.accepted)} executions ({dict(found.ends)}), "
        f"{len(found.lost)} lost, {len(found.doubled)} doubled, {len(found.problems)} other problems"
    )
    for problem in found.problems:
        print(problem)
    return 1 if found.lost or found.doubled or found.problems else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200, int(sys.argv[2]) if len(sys.argv) > 2 else 6))
