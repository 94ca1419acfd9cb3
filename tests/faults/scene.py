"""One fault and those it meets: a real daemon, callers who never pause, and what became of all that they were promised."""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from msgspec import Struct

from tests.support.daemon import SANDBOXD, Daemon, running_daemon
from tests.support.executing import Caller
from tests.support.processes import wait_gone
from tests.support.stored import executions, make_token, wait_until

CONFIG = """
doors = ["code-nodes", "executions"]
[queue]
per_user = 100000
[pool]
"""
HEALS_S = 120
"""A daemon that is not healthy by then counts as one that stays ill."""
PAUSE_S = 0.1
EXHAUSTED = "Too many open files"
"""What may be told with a traceback: trio's accept does, ten times a second."""
CODE = "await new Promise(resolve => setTimeout(resolve, 20)); "


class Found(Struct):
    """What came of a fault. `saw` is what callers were answered while it lasted, `ends` what became of accepted executions."""

    name: str
    promise: str
    saw: dict[str, int]
    acknowledged: int
    lost: int
    ends: dict[str, int]
    healthy_s: float | None
    seconds: float
    problems: list[str]
    facts: list[str] = []
    skipped: str = ""


class Impossible(Exception):
    """This fault cannot be made here; the text says why."""


class Scene:
    """What a fault is told by, and told to. `folder` is its own; `long` asks for the size of `make faults`."""

    def __init__(self, folder: Path, *, long: bool) -> None:
        self.folder, self.long = folder, long
        self.saw: Counter[str] = Counter()
        self.ends: Counter[str] = Counter()
        self.problems: list[str] = []
        self.facts: list[str] = []
        """Figures for the report."""
        self.lost: list[str] = []
        self.accepted: dict[str, str] = {}
        """Their ids by what they return."""
        self.ran = 0
        self.healthy_s: float | None = None
        self.daemon: Daemon
        self.data = folder / "data"
        self._pids: set[int] = set()
        self._number = 0
        self._during = self._asking = False
        self._lock, self._turn = threading.Lock(), (threading.Lock(), threading.Lock())
        self._tokens: dict[str, str] = {}

    def expect(self, holds: bool, what: str) -> None:
        """Notes a problem where something does not hold."""
        if not holds:
            self.problems.append(what)

    # ------------------------------------------------------------ the daemon

    @contextmanager
    def serving(self, *pool: str, program: Sequence[str] = SANDBOXD, **environment: str) -> Iterator[Daemon]:
        """A life of the daemon on this scene's directory, and its orderly end: exit code 0, and no process left.

        `pool` are settings of the pool, `program` is one that becomes the daemon.
        """
        (self.folder / "c.toml").write_text(CONFIG + "\n".join(pool))
        given = ("--config", str(self.folder / "c.toml"))
        with running_daemon(self.data, *given, program=program, **environment) as daemon:
            self.daemon = daemon
            yield daemon
            if daemon.process.poll() is None:
                self.note_processes()
                self.expect(daemon.stop() == 0, f"the daemon ended with {daemon.process.returncode}")
        left = wait_gone(list(self._pids))
        self.expect(not left, f"left behind: {left}")
        crashes = [line for line in daemon.log() if "Traceback" in line and EXHAUSTED not in line]
        self.expect(not crashes, f"in the log: {crashes[:1]}")

    def note_processes(self) -> None:
        """What runs now must be gone in the end."""
        with suppress(psutil.NoSuchProcess):
            self._pids.update(self.daemon.family())

    def token(self, user: str) -> str:
        """A token of the user's, made when it is first asked for."""
        if user not in self._tokens:
            self._tokens[user] = make_token(self.data, user)
        return self._tokens[user]

    def caller(self, user: str = "submits") -> Caller:
        """Somebody at the executions door."""
        return Caller(self.daemon, self.token(user))

    # ------------------------------------------------------------ callers

    @contextmanager
    def callers(self) -> Iterator[None]:
        """One who executes and one who submits for as long as the block lasts, neither waiting for the other."""
        self.token("executes"), self.token("submits")
        self._asking = True
        asking = zip((self.execute, self.submit), self._turn, strict=True)
        threads = [threading.Thread(target=self._ask, args=each) for each in asking]
        for thread in threads:
            thread.start()
        try:
            self.wait(lambda: self.ran >= 2 and len(self.accepted) >= 2, "nobody was served before the fault")
            yield
        finally:
            self._asking = False
            for thread in threads:
                thread.join()

    def _ask(self, once: Callable[[], str], turn: threading.Lock) -> None:
        while self._asking:
            with turn:
                said = self.told(once)
            if self._during:
                with self._lock:
                    self.saw[said] += 1
            time.sleep(PAUSE_S)

    @staticmethod
    def told(once: Callable[[], str]) -> str:
        """What a caller would say of one request."""
        try:
            return once()
        except ConnectionRefusedError:
            return "refused"
        except TimeoutError:
            return "no answer in time"
        except (OSError, http.client.HTTPException):
            return "connection lost"

    def _next(self) -> str:
        with self._lock:
            self._number += 1
            return str(self._number)

    def execute(self) -> str:
        """An execution whose caller waits; in a word what he was told."""
        number = self._next()
        answer = self.daemon.execute(self.token("executes"), f"{CODE}return {number}")
        if answer.status != 200:
            return str(answer.status)
        if answer.json["status"] != "success":
            return f"200 {answer.json['status']}: {answer.json['error']}"
        self.expect(answer.json["return_value"] == int(number), f"{number} was answered {answer.json['return_value']}")
        self.ran += 1
        return "200 success"

    def submit(self) -> str:
        """One that is accepted to run later."""
        number = self._next()
        answer = self.caller().exec(f"{CODE}{number}", key=number)
        if answer.status == 202:
            self.accepted[number] = answer.json["execution_id"]
        return str(answer.status)

    # ------------------------------------------------------------ the fault

    @contextmanager
    def fault(self, *, asked: int = 0, seconds: float = 30) -> Iterator[None]:
        """The block makes the fault and ends it. With `asked` it waits before the end until callers were answered so often.

        Then the seconds are counted until the daemon is healthy again.
        """
        self.struck()
        yield
        if asked:
            self.wait_for_answers(asked, seconds)
        self.note_processes()
        self.heal()

    def struck(self) -> None:
        """From here on the fault lasts."""
        self.note_processes()
        self._during = True

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Nobody asks anything while the block lasts, and whoever did has his answer."""
        with self._turn[0], self._turn[1]:
            yield

    def unfinished(self) -> list[str]:
        """What was accepted and has not ended."""
        return [each for each in self.accepted.values() if self.caller().get(each)["completed_at"] is None]

    def wait_for_answers(self, asked: int, seconds: float = 30) -> None:
        """Until callers have been answered so often in the fault, or for so long."""
        wait_until(lambda: self.saw.total() >= asked, seconds)

    def heal(self, since: float | None = None) -> None:
        """Until the daemon says that it is ready, an execution gives what it should, and one that was submitted completes;
        `since` is when that began, if it was before now.
        """
        begun = time.monotonic() if since is None else since
        self.healthy_s = None
        while time.monotonic() - begun < HEALS_S:
            if self.told(self._is_well) == "well":
                self.healthy_s = round(time.monotonic() - begun, 2)
                break
            time.sleep(0.05)
        self._during = False
        self.expect(self.healthy_s is not None, f"not healthy after {HEALS_S} s")

    def _is_well(self) -> str:
        if (ready := self.daemon.request("GET", "/readyz")).status != 200:
            return f"not ready: {ready.body!r}"
        if self.execute() != "200 success":
            return "does not execute"
        number = self._next()
        answer = self.caller().exec(number, key=number)
        if answer.status != 202:
            return "does not accept"
        self.accepted[number] = answer.json["execution_id"]
        return "well" if self.caller().ended(answer.json["execution_id"])["status"] == "completed" else "does not complete"

    def wait(self, condition: Callable[[], object], what: str, seconds: float = 60) -> None:
        """Until something is so. Raises AssertionError if it does not become so."""
        assert wait_until(condition, seconds), what

    # ------------------------------------------------------------ the reckoning

    def reckon(self, *also: str) -> None:
        """Every execution that was accepted can be asked for and has ended, completed or with one of the reasons `also`;
        and of every one that was answered there is a record.
        """
        for number, execution_id in self.accepted.items():
            answer = self.caller().ask("GET", f"/api/executions/{execution_id}?wait=60")
            found = json.loads(answer.body)
            if answer.status != 200 or found["completed_at"] is None:
                self.lost.append(number)
                continue
            end = found["status"] if found["status"] == "completed" else f"{found['status']}: {found['error']}"
            self.ends[end] += 1
            self.expect(end == "completed" or any(reason in end for reason in also), f"{number} ended as {end}")
            if end == "completed":
                self.expect(found["result"] == number, f"{number} gave {found['result']}")
        recorded = len(executions(self.data, "executes"))
        self.expect(recorded >= self.ran, f"{self.ran} executions were answered, {recorded} are recorded")
        self.expect(not self.lost, f"lost: {self.lost}")

    def found(self, name: str, promise: str, seconds: float) -> Found:
        """What came of it."""
        return Found(
            name=name,
            promise=promise,
            saw=dict(self.saw),
            acknowledged=self.ran + len(self.accepted),
            lost=len(self.lost),
            ends=dict(self.ends),
            healthy_s=self.healthy_s,
            seconds=round(seconds, 1),
            problems=self.problems,
            facts=self.facts,
        )
