"""What a user is promised, on a real daemon. Each test prints the figures that it saw (`pytest -s`)."""

import json
import signal
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

import psutil
import pytest

from tests.support.daemon import BASE, Answer, Daemon, running_daemon
from tests.support.processes import wait_gone, workers
from tests.support.stored import counted, executions, make_token, wait_until
from tests.support.upstream import response, running_upstream

Report = Callable[..., None]
USERS, CALLS_EACH = 20, 10


@pytest.fixture
def report(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Report:
    """Prints figures by name, and keeps them in the test's report."""

    def figures(**values: object) -> None:
        for name, value in values.items():
            record_property(name, value)
        print(f"\n{request.node.name}: " + ", ".join(f"{name} {value}" for name, value in values.items()))

    return figures


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon for one test, that lets callers wait for as long as a slow machine takes."""
    (tmp_path / "c.toml").write_text('doors = ["code-nodes"]\n[pool]\nwait_ms = 150000\n')
    with running_daemon(tmp_path / "data", "--config", str(tmp_path / "c.toml")) as daemon:
        yield daemon


# ------------------------------------------------------------------ the seed's examples, as its curl commands send them

EXAMPLES = [
    (
        r"""{
    "code": "const result = 10 * 5; results.answer = result; console.log(\"10 * 5 =\", result);"
  }""",
        {
            "status": "success",
            "output": "10 * 5 = 50",
            "error": None,
            "console_logs": ["10 * 5 = 50"],
            "return_value": {"answer": 50},
        },
    ),
    (
        r"""{
    "code": "const nums = [1,2,3,4,5]; const evens = nums.filter(n => n % 2 === 0); results.evens = evens; console.log(\"Evens:\", evens);"
  }""",  # noqa: E501 as it stands there
        {"status": "success", "console_logs": ["Evens: 2,4"], "return_value": {"evens": [2, 4]}},
    ),
    (
        r"""{
    "code": "try { const x = JSON.parse(\"invalid\"); } catch(e) { console.error(\"JSON error:\", e.message); results.error = e.message; }"
  }""",  # noqa: E501 as it stands there
        None,  # V8's own text: see below
    ),
]


@pytest.mark.parametrize(("body", "expected"), EXAMPLES, ids=["calculation", "array", "error handling"])
def test_the_documented_examples(daemon: Daemon, report: Report, body: str, expected: dict[str, object] | None) -> None:
    """Each documented request gets the documented answer, field for field."""
    token = make_token(daemon.data_dir, "curl")
    answer = daemon.request(
        "POST", f"{BASE}/execute", token=token, body=body.encode(), headers={"Content-Type": "application/json"}
    )
    found = answer.json
    if expected is None:
        text = found["return_value"]["error"]
        expected = {"status": "success", "console_logs": [f"JSON error: {text}"], "return_value": {"error": text}}
        assert text.startswith("Unexpected token")
    assert (answer.status, {name: found[name] for name in expected}) == (200, expected)
    assert found["output"] == "\n".join(found["console_logs"])
    report(execution_time_s=found["execution_time"], cpu_ms=found["usage"]["cpu_ms"])


def test_the_documented_fetch(daemon: Daemon) -> None:
    """The fourth example, with an upstream of ours in the place of the public one."""
    post = response(b'{"id": 1, "title": "sunt aut facere"}', "Content-Type: application/json")
    with running_upstream({"/posts/1": post}) as upstream:
        url = f"http://localhost:{upstream.port}/posts/1"
        body = r"""{
    "code": "async function demo() { const res = await fetch(\"URL\"); const data = await res.json(); results.post = data; console.log(\"Post title:\", data.title); } await demo();"
  }"""  # noqa: E501 as it stands there
        token = make_token(daemon.data_dir, "curl")
        answer = daemon.request("POST", f"{BASE}/execute", token=token, body=body.replace("URL", url).encode())
    expected = {"status": "success", "error": None, "console_logs": ["Post title: sunt aut facere"]}
    assert (answer.status, {name: answer.json[name] for name in expected}) == (200, expected)
    assert answer.json["return_value"] == {"post": {"id": 1, "title": "sunt aut facere"}}


# ------------------------------------------------------------------ many at once


def idle(daemon: Daemon) -> int:
    """How many processes wait for somebody: the ready workers of each profile, its fork server and its launcher."""
    pools = daemon.request("GET", "/readyz").json["pools"]
    return sum(pool["ready"] + 2 for pool in pools.values())


def test_200_parallel_executions_of_20_users(fresh: Daemon, report: Report) -> None:
    """Every answer is the caller's own and right, none sees what another left behind, and no process is left."""
    tokens = [make_token(fresh.data_dir, f"user-{number}") for number in range(USERS)]
    code = """
        const seen = [typeof globalThis.left, Array.prototype.stolen ?? null];
        globalThis.left = input.secret; Array.prototype.stolen = input.secret;
        console.log('begin', input.secret);
        await new Promise(resolve => setTimeout(resolve, 20));
        let sum = 0; for (let i = 0; i <= input.n; i++) sum += i;
        console.log('end', input.secret);
        return { secret: input.secret, sum, seen };
    """
    latencies: list[float] = []

    def call(number: int) -> tuple[int, dict[str, object]]:
        begun = time.monotonic()
        answer = fresh.execute(tokens[number % USERS], code, input={"secret": f"s-{number}", "n": number}, timeout_ms=30_000)
        latencies.append(time.monotonic() - begun)
        return number, answer.json

    begun = time.monotonic()
    with ThreadPoolExecutor(USERS * CALLS_EACH) as threads:
        answers = list(threads.map(call, range(USERS * CALLS_EACH)))
    took = time.monotonic() - begun
    for number, body in answers:
        assert body["return_value"] == {
            "secret": f"s-{number}",
            "sum": number * (number + 1) // 2,
            "seen": ["undefined", None],
        }
        assert body["console_logs"] == [f"begin s-{number}", f"end s-{number}"]
    assert len({body["execution_id"] for _, body in answers}) == USERS * CALLS_EACH
    family = [process.pid for process in psutil.Process(fresh.process.pid).children(recursive=True)]
    # nothing else is left; for a while a burst leaves more ready workers than are kept
    all_wait = wait_until(lambda: len(workers(fresh.process.pid)) == idle(fresh))
    assert (all_wait, fresh.stop(), wait_gone(family)) == (True, 0, [])
    latencies.sort()
    report(
        seconds=round(took, 1),
        per_second=round(len(answers) / took, 1),
        median_s=round(statistics.median(latencies), 2),
        p95_s=round(latencies[int(0.95 * len(latencies))], 2),
        longest_s=round(latencies[-1], 2),
        left=0,
    )


def test_an_endless_loop_ends_near_its_limit_while_others_answer(daemon: Daemon, report: Report) -> None:
    """`while(true){}` is a timeout soon after its limit, and callers beside it are served meanwhile."""
    other = make_token(daemon.data_dir, "beside")
    loops = [make_token(daemon.data_dir, f"loop-{number}", "starter") for number in range(2)]
    daemon.execute(other, "return 1")
    latencies: list[float] = []

    def loop(token: str) -> tuple[float, dict[str, object]]:
        begun = time.monotonic()
        body = daemon.execute(token, "while(true){}", timeout_ms=3000).json
        return time.monotonic() - begun, body

    with ThreadPoolExecutor(2) as threads:
        calls = [threads.submit(loop, token) for token in loops]
        while not all(call.done() for call in calls):
            begun = time.monotonic()
            assert daemon.execute(other, "return 'beside'").json["return_value"] == "beside"
            latencies.append(time.monotonic() - begun)
    for call in calls:
        took, body = call.result()
        assert (body["status"], body["error"]) == ("timeout", "Execution timeout (>3000ms)")
        assert 3 <= body["execution_time"] < 4
        assert took < 10
    assert len(latencies) >= 5
    report(
        timeout_s=[round(call.result()[0], 2) for call in calls],
        answered_beside=len(latencies),
        median_beside_s=round(statistics.median(latencies), 2),
        longest_beside_s=round(max(latencies), 2),
    )


# ------------------------------------------------------------------ quotas


def test_of_120_calls_of_a_starter_100_run(daemon: Daemon, report: Report) -> None:
    """One after the other: the first 100 run, the others are told when to come again."""
    token = make_token(daemon.data_dir, "starter", "starter")
    begun = time.monotonic()
    answers = [daemon.execute(token, f"return {number}") for number in range(120)]
    assert [answer.status for answer in answers] == [200] * 100 + [429] * 20
    assert [answer.json["return_value"] for answer in answers[:100]] == list(range(100))
    assert counted(daemon.data_dir, "starter") == 100
    report(seconds=round(time.monotonic() - begun, 1), ran=100, refused=20, limit=answers[-1].json["limit"])


class Lives:
    """A daemon that is killed and started again on one data directory; calls go to the one that lives."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.daemon: Daemon | None = None
        self.answers: list[Answer] = []
        self.in_flight = 0

    @contextmanager
    def life(self) -> Iterator[Daemon]:
        """One of them."""
        with running_daemon(self.data_dir) as self.daemon:
            yield self.daemon

    def call(self, token: str, code: str) -> None:
        """One call: an answer, or one that was in flight when the daemon died."""
        assert self.daemon is not None
        try:
            self.answers.append(self.daemon.execute(token, code))
        except (OSError, HTTPException, json.JSONDecodeError):
            self.in_flight += 1

    def ran(self) -> int:
        """How many were answered."""
        return sum(answer.status == 200 for answer in self.answers)


def test_the_quota_of_a_starter_survives_kill_9(tmp_path: Path, report: Report) -> None:
    """120 calls with a kill -9 in the middle of one: answers and calls in flight at the kill are 100."""
    lives = Lives(tmp_path / "data")
    with lives.life() as daemon:
        token = make_token(daemon.data_dir, "starter", "starter")
        for number in range(49):
            lives.call(token, f"return {number}")
        flying = threading.Thread(target=lives.call, args=(token, "await new Promise(r => setTimeout(r, 4000))"))
        flying.start()
        assert wait_until(
            lambda: (
                executions(daemon.data_dir, "starter")[-1:][0]["status"] == "running"
                and len(executions(daemon.data_dir, "starter")) == 50
            )
        )
        daemon.stop(signal.SIGKILL)
        flying.join()
    with lives.life():
        for number in range(70):
            lives.call(token, f"return {number}")
    assert lives.in_flight == 1
    assert lives.ran() + lives.in_flight == 100
    assert [answer.status for answer in lives.answers[-19:]] == [429] * 19
    report(answers=lives.ran(), in_flight=lives.in_flight, refused=len(lives.answers) - lives.ran())


def test_parallel_quotas_survive_kill_9_at_any_moment(tmp_path: Path, report: Report) -> None:
    """5 callers of one user, killed at full speed: never more than 100 are counted or answered, and none is lost."""
    lives = Lives(tmp_path / "data")

    def work(token: str, until: Callable[[], bool]) -> None:
        while not until():
            lives.call(token, "return 1")

    def five(token: str, until: Callable[[], bool]) -> list[threading.Thread]:
        threads = [threading.Thread(target=work, args=(token, until)) for _ in range(5)]
        for thread in threads:
            thread.start()
        return threads

    with lives.life() as daemon:
        token = make_token(daemon.data_dir, "parallel", "enterprise")
        threads = five(token, lambda: lives.in_flight > 0)
        assert wait_until(lambda: lives.ran() >= 40, 60)
        daemon.stop(signal.SIGKILL)
        for thread in threads:
            thread.join()
    died_with, in_flight = lives.ran(), lives.in_flight
    with lives.life() as daemon:
        survived = counted(daemon.data_dir, "parallel")
        assert died_with <= survived <= died_with + in_flight
        for thread in five(token, lambda: any(answer.status == 429 for answer in lives.answers)):
            thread.join()
        assert counted(daemon.data_dir, "parallel") == 100
        crashed = sum(row["status"] == "crashed" for row in executions(daemon.data_dir, "parallel"))
    assert lives.ran() + (survived - died_with) == 100
    report(answered_before=died_with, in_flight=in_flight, of_these_counted=survived - died_with, crashed=crashed)
