"""SIGHUP: the policy changes under a running daemon, as a whole or not at all, and no execution notices."""

import hashlib
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import trio
from msgspec.structs import replace

from sandboxd.models import Outcome, Source, Status
from sandboxd.policy.model import Policy
from tests.support.daemon import Answer, Daemon
from tests.support.engines import PROFILE as PROFILE_NAME
from tests.support.engines import grant, launcher_pids, opened, run, until, value
from tests.support.held import running
from tests.support.policy_files import PROFILE
from tests.support.processes import wait_gone
from tests.support.reloading import Reloading, reloading
from tests.support.stored import executions, make_token, wait_until
from tests.support.upstream import Raw, Seen, Upstream, held_upstream, response, running_upstream

EVAL = "[eval]\nallowed = false", "[eval]\nallowed = true"
MEMORY = "[limits.memory_bytes]\nmost = 134217728", "[limits.memory_bytes]\nmost = 67108864"
KEEP = 'keep = "metadata"', 'keep = "full"'
OUTPUT = "[limits.output_bytes]\nmost = 1048576", "[limits.output_bytes]\nmost = 5"
LOOPBACK = '[[fetch.hosts]]\nhost = "127.0.0.1"', '[[fetch.hosts]]\nhost = "127.0.0.2"'
STARTER = "[starter.doors.code-nodes]\nmax_timeout_ms = 5000", "[starter.doors.code-nodes]\nmax_timeout_ms = 7000"
SWITCH = "const k = 'constr' + 'uctor'; try { return [][k][k]('return 2')() } catch (e) { return e.name }"


@pytest.fixture
def reload(tmp_path: Path) -> Iterator[Reloading]:
    """A daemon whose policies the test may change."""
    with reloading(tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Reloading, Path]]:
    """One whose policies every test leaves as it found them, and their folder."""
    folder = tmp_path_factory.mktemp("shared")
    with reloading(folder) as running:
        yield running, folder / "policies"


@pytest.fixture
def open_gate() -> threading.Event:
    """Set when the gate is to open."""
    return threading.Event()


@pytest.fixture
def upstream(open_gate: threading.Event) -> Iterator[Upstream]:
    """A server with a gate, and a door that is always open."""

    async def gate(_: Seen, stream: Raw) -> None:
        while not open_gate.is_set():  # noqa: ASYNC110 it is set by another thread
            await trio.sleep(0.01)
        await stream.send_all(response(b"open", "Connection: close"))

    with running_upstream({"/gate": gate, "/": response(b"yes", "Connection: close")}) as upstream:
        yield upstream
    open_gate.set()


@contextmanager
def waiting(daemon: Daemon, token: str, upstream: Upstream, then: str = "") -> Iterator["Future[Answer]"]:
    """An execution that has begun and ends when the gate opens, after it has done `then`."""
    code = f"const {{ status }} = await fetch('{upstream.url}/gate'); {then}; return status"
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(daemon.execute, token, code, timeout_ms=300_000)
        assert wait_until(lambda: running(daemon) == 1 and upstream.seen)
        yield answer


def inverse(pair: tuple[str, str]) -> tuple[str, str]:
    """The change that undoes one."""
    return pair[1], pair[0]


def servers(daemon: Daemon) -> list[int]:
    """The pids of its launchers."""
    return [child.pid for child in psutil.Process(daemon.process.pid).children()]


def patient(policy: Policy) -> Policy:
    """The policy with more time for an execution, and for its fetches."""
    profile = policy.profiles[PROFILE_NAME]
    assert profile.fetch is not None
    most_ms = replace(profile.fetch.limits.wall_ms, most=300_000)
    fetch = replace(profile.fetch, limits=replace(profile.fetch.limits, wall_ms=most_ms))
    limits = replace(profile.limits, wall_ms=replace(profile.limits.wall_ms, default=300_000, max=300_000))
    return replace(policy, profiles={PROFILE_NAME: replace(profile, fetch=fetch, limits=limits)})


def test_a_tier_changes_for_the_next_request(
    reload: Reloading, upstream: Upstream, open_gate: threading.Event, tmp_path: Path
) -> None:
    """What runs goes on under its grant, no worker is started anew, and the log says which keys have changed."""
    daemon, starter = reload.daemon, make_token(reload.daemon.data_dir, "starter", "starter")
    assert daemon.execute(starter, "return 1", timeout_ms=6000).json["limit"] == "max_timeout_ms"
    before = servers(daemon)
    with waiting(daemon, make_token(daemon.data_dir, "u"), upstream) as answer:
        reload.edit("tiers.toml", STARTER)
        line = reload.reload()
        assert daemon.execute(starter, "return 1", timeout_ms=6000).json["return_value"] == 1
        assert (running(daemon), answer.done()) == (1, False)
        open_gate.set()
        assert answer.result().json["return_value"] == 200
    assert (line["event"], line["level"]) == ("policy reloaded", "info")
    assert line["changed"] == ["tiers.starter.doors.code-nodes.max_timeout_ms"]
    assert (line["workers_anew"], servers(daemon)) == ([], before)
    tiers = (tmp_path / "policies/tiers.toml").read_bytes()
    assert line["sha256"]["tiers.toml"] == hashlib.sha256(tiers).hexdigest()


def test_rules_of_fetch_change_for_the_next_execution(
    reload: Reloading, upstream: Upstream, open_gate: threading.Event
) -> None:
    """One that runs keeps the hosts that it was granted; the next has those of now, and no connection of before."""
    daemon, token = reload.daemon, make_token(reload.daemon.data_dir, "u")
    ask = f"return (await fetch('{upstream.url}/')).status"
    assert daemon.execute(token, ask).json["return_value"] == 200
    with waiting(daemon, token, upstream, f"await (await fetch('{upstream.url}/')).text()") as answer:
        reload.edit(PROFILE, LOOPBACK)
        assert reload.reload()["changed"] == ["profiles.code-nodes.fetch.hosts"]
        assert daemon.execute(token, ask).json["error"].endswith("host 127.0.0.1 is not in the profile's list")
        open_gate.set()
        assert answer.result().json["return_value"] == 200


def test_what_is_kept_and_the_limits_of_a_grant_change_alive(reload: Reloading) -> None:
    """`keep`, and what is told to a worker with its request."""
    daemon, token = reload.daemon, make_token(reload.daemon.data_dir, "u")
    reload.edit(PROFILE, KEEP, OUTPUT)
    line = reload.reload()
    assert line["changed"] == ["profiles.code-nodes.limits.output_bytes.most", "profiles.code-nodes.store.keep"]
    assert line["workers_anew"] == []
    assert daemon.execute(token, "console.log('123456789')").json["console_logs"] == ["12345"]
    assert wait_until(lambda: [row["output"] for row in executions(daemon.data_dir, "u")] == ["12345"])


def test_workers_that_must_start_differently_are_started_anew(
    reload: Reloading, upstream: Upstream, open_gate: threading.Event
) -> None:
    """The next execution has such a one, one that runs keeps its own; when that has ended its fork server is gone."""
    daemon, token = reload.daemon, make_token(reload.daemon.data_dir, "u")
    assert daemon.execute(token, SWITCH).json["return_value"] == "EvalError"
    before = servers(daemon)
    with waiting(daemon, token, upstream) as answer:
        reload.edit(PROFILE, EVAL)
        assert reload.reload()["workers_anew"] == ["code-nodes"]
        assert daemon.execute(token, SWITCH).json["return_value"] == 2
        assert (len(before), len(servers(daemon)), answer.done()) == (1, 2, False)
        open_gate.set()
        assert answer.result().json["return_value"] == 200
    assert wait_gone(before) == []
    assert daemon.execute(token, SWITCH).json["return_value"] == 2


def test_a_credential_is_read_again(reload: Reloading, upstream: Upstream, tmp_path: Path) -> None:
    """Its file may change while nothing else does, and what came of it is never in the log."""
    (secret := tmp_path / "secret").write_text("first-secret")
    daemon, token = reload.daemon, make_token(reload.daemon.data_dir, "u")
    listed, entry = (
        'host = "127.0.0.1"\n',
        '[[fetch.credentials]]\nhost = "127.0.0.1"\nheader = "X-Key"\nwhy = "It is for a test."\n',
    )
    reload.edit(PROFILE, (listed, f"{listed}ports = [{upstream.port}]\n"))
    reload.edit(PROFILE, ("[fetch.limits.calls]", f'{entry}file = "{secret}"\n\n[fetch.limits.calls]'))
    assert reload.reload()["changed"] == [f"profiles.code-nodes.fetch.{key}" for key in ("credentials", "hosts")]
    ask = f"return (await fetch('{upstream.url}/')).status"
    assert daemon.execute(token, ask).json["return_value"] == 200
    secret.write_text("other-secret")
    assert reload.reload()["changed"] == []
    assert daemon.execute(token, ask).json["return_value"] == 200
    assert [seen.header("x-key") for seen in upstream.seen] == ["first-secret", "other-secret"]
    secret.unlink()
    assert str(secret) in reload.reload()["problems"][0]
    assert daemon.execute(token, ask).json["return_value"] == 200
    assert upstream.seen[-1].header("x-key") == "other-secret"
    assert [line for line in daemon.log() if "-secret" in line] == []


def test_a_bad_policy_changes_nothing(reload: Reloading) -> None:
    """All problems of all files are in one line; what held before holds, also of a file that was right."""
    daemon, token = reload.daemon, make_token(reload.daemon.data_dir, "u")
    reload.edit("tiers.toml", ("[starter]\n", "[starter]\nunknown = 1\n"))
    reload.edit(PROFILE, EVAL, ("[limits.depth]\nmost = 256", "[limits.depth]\nmost = 0"))
    line = reload.reload()
    assert (line["event"], line["level"]) == ("policy refused, the one before holds", "error")
    assert [problem.partition(":")[0] for problem in line["problems"]] == [PROFILE, "tiers.toml"]
    assert "starter.unknown: unknown key" in line["problems"][1]
    assert daemon.execute(token, SWITCH).json["return_value"] == "EvalError"
    reload.edit("tiers.toml", ("unknown = 1\n", ""))
    reload.edit(PROFILE, ("[limits.depth]\nmost = 0", "[limits.depth]\nmost = 256"))
    assert reload.reload()["event"] == "policy reloaded"
    assert daemon.execute(token, SWITCH).json["return_value"] == 2


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda home: (home / PROFILE).write_text("a = ]"), "profiles/code-nodes.toml: Invalid value"),
        (lambda home: (home / PROFILE).write_bytes(b"\xff"), "cannot be read"),
        (lambda home: (home / PROFILE).unlink(), "profiles/code-nodes.toml: there is none, but it is served"),
        (lambda home: shutil.rmtree(home), "tiers.toml: there is none"),
        (lambda home: (home / "seccomp/worker.toml").write_text("[switches]\n"), "seccomp/boot.toml:3: load: no phase"),
    ],
)
def test_files_that_are_none_change_nothing(shared: tuple[Reloading, Path], spoil: Callable[[Path], object], told: str) -> None:
    """No TOML, no text, no file, no folder, no system calls: each is named, and the daemon goes on."""
    reload, home = shared
    shutil.copytree(home, home.parent / "whole")
    spoil(home)
    line = reload.reload()
    shutil.rmtree(home, ignore_errors=True)
    (home.parent / "whole").rename(home)
    assert line["event"] == "policy refused, the one before holds"
    assert told in "\n".join(line["problems"])
    assert reload.daemon.execute(make_token(reload.daemon.data_dir, "u"), "return 1").json["return_value"] == 1
    assert reload.reload()["changed"] == []


def test_a_policy_under_which_no_worker_starts_changes_nothing(reload: Reloading) -> None:
    """It is tried before anybody depends on it; nothing of the attempt is left."""
    daemon, before = reload.daemon, servers(reload.daemon)
    reload.edit(PROFILE, EVAL)
    reload.edit(
        "seccomp/worker.toml",
        (
            'include = "channel memory locks loop clock signals end self lower-data',
            'include = "channel memory locks clock signals end self lower-data',
        ),
    )
    line = reload.reload()
    assert "no worker starts under it" in "\n".join(line["problems"])
    assert daemon.execute(make_token(daemon.data_dir, "u"), SWITCH).json["return_value"] == "EvalError"
    assert wait_until(lambda: servers(daemon) == before)


async def test_a_grant_of_before_is_served_by_workers_of_now(policy: Policy) -> None:
    """Who was granted more memory than workers are started with now gets what these have, and is not broken by it."""
    policy = patient(policy)
    async with opened(policy, ahead=1) as engine:
        before, profile = grant(engine), policy.profiles[PROFILE_NAME]
        limits = replace(profile.limits, memory_bytes=replace(profile.limits.memory_bytes, most=64 << 20))
        changed = replace(policy, profiles={PROFILE_NAME: replace(profile, limits=limits)})
        assert await engine.adopt(changed, engine.calls) == [PROFILE_NAME]
        assert value(await engine.run(before, Source("return 1"), user="u")) == 1
        over = await engine.run(before, Source("const all = []; for (;;) all.push(new Uint8Array(1 << 20).fill(1))"), user="u")
        assert (over.status, over.usage.memory_bytes < 100 << 20) == (Status.memory_exceeded, True)


async def test_a_pool_that_was_replaced_ends(policy: Policy) -> None:
    """With the last of those who had asked it, those who waited for a slot too; nothing of it is left."""
    policy = patient(policy)
    async with held_upstream() as (upstream, release), opened(policy, ahead=1, running=1) as engine:
        outcomes: list[Outcome] = []

        async def once() -> None:
            outcomes.append(await run(engine, f"return (await fetch('{upstream.url}/')).status"))

        async with trio.open_nursery() as nursery:
            for _ in range(3):  # one runs, two wait for its slot
                nursery.start_soon(once)
            await until(lambda: upstream.seen and engine.queue.waiting == 2)
            old, before = engine.pools[PROFILE_NAME], launcher_pids()
            switched = replace(policy.profiles[PROFILE_NAME].eval, allowed=True)
            changed = replace(policy, profiles={PROFILE_NAME: replace(policy.profiles[PROFILE_NAME], eval=switched)})
            await engine.adopt(changed, engine.calls)
            assert engine.pools[PROFILE_NAME] is not old
            await until(lambda: old.ready == 0)
            assert (outcomes, len(upstream.seen), set(before) <= set(launcher_pids())) == ([], 1, True)
            release.set()
        assert [value(outcome) for outcome in outcomes] == [200, 200, 200]
        await until(lambda: not set(before) & set(launcher_pids()))
        assert (old.ready, len(launcher_pids())) == (0, 1)


def test_no_request_fails_while_the_policy_is_reloaded(reload: Reloading) -> None:
    """Eight callers, twenty reloads: of a tier, of fetch, and of how workers are started, to and fro."""
    daemon, over = reload.daemon, threading.Event()
    answers: list[Answer] = []

    def call(user: int) -> None:
        token = make_token(daemon.data_dir, f"caller {user}")
        while not over.is_set():
            answers.append(daemon.execute(token, "return 6 * 7"))

    events = []
    with ThreadPoolExecutor(8) as threads:
        callers = [threads.submit(call, user) for user in range(8)]
        try:
            for n in range(20):
                seen = len(answers)
                assert wait_until(lambda seen=seen: len(answers) >= seen + 8)
                file, pair = [
                    ("tiers.toml", STARTER),
                    (PROFILE, LOOPBACK),
                    (PROFILE, KEEP),
                    (PROFILE, OUTPUT),
                    (PROFILE, MEMORY),
                ][n % 5]
                reload.edit(file, pair if n % 10 < 5 else inverse(pair))
                events.append(reload.reload()["event"])
        finally:
            over.set()
    for caller in callers:
        caller.result()
    assert events == ["policy reloaded"] * 20
    assert {(answer.status, str(answer.json.get("error"))) for answer in answers} == {(200, "None")}
    assert wait_until(lambda: len(servers(daemon)) == 1)
