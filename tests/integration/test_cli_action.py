"""`sandboxd action`: what it prints, where, how it ends, and how it watches."""

import json
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import policies
from tests.support.actions import HELLO, codes, in_files, inline, kinds, result
from tests.support.cli import cli, cli_here, refused
from tests.support.daemon import SANDBOXD


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one good action in files, and its configuration in a folder of its own."""
    home = tmp_path / "home"
    (home / "a").mkdir(parents=True)
    (home / "a/config.json").write_text(json.dumps(in_files(home, inline())))
    return home


def lines(text: str) -> list[Any]:
    """The JSON lines of a test."""
    return [json.loads(line) for line in text.splitlines()]


# ------------------------------------------------------------------ validate and run


def test_run_prints_the_report(folder: Path) -> None:
    """One JSON document on stdout, nothing on stderr, exit 0."""
    ended = cli("action", "run", str(folder / "a/config.json"), "--actions-root", str(folder))
    report = json.loads(ended.out)
    assert (ended.code, ended.err, result(report)["output_fields"]) == (0, "", {"hello": "Ada"})
    assert kinds(report)[-1] == "execution_completed"


def test_run_of_a_failing_action_is_exit_1() -> None:
    """Its failure is in the report."""
    ended = cli("action", "run", "-", given=json.dumps(inline("exports.main = () => { throw new TypeError('x') }")).encode())
    assert (ended.code, ended.err, result(json.loads(ended.out))["failures"][0]["error"]["type"]) == (1, "", "TypeError")


@pytest.mark.parametrize("source", [HELLO, HELLO.replace("exports.main", "export const main")])
def test_the_end_of_life_node_runs_actions_too(source: str) -> None:
    """CommonJS and ES modules, in workers that are not forked."""
    ended = cli("action", "run", "-", given=json.dumps(inline(source)).encode(), SANDBOXD_NODE="nodejs-bin")
    assert (ended.code, result(json.loads(ended.out))["output_fields"]) == (0, {"hello": "Ada"})


def test_without_a_root_paths_are_below_the_working_directory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with any command."""
    monkeypatch.chdir(folder)
    assert cli("action", "validate", "a/config.json").code == 0
    monkeypatch.chdir(folder / "a")
    ended = cli("action", "validate", "config.json")
    assert (ended.code, codes(json.loads(ended.out)["errors"])) == (1, ["ACTION_NOT_FOUND", "FIXTURE_NOT_FOUND"])


def test_run_without_snapshots_needs_no_data_directory(folder: Path, tmp_path: Path) -> None:
    """Nothing is written."""
    config = str(folder / "a/config.json")
    data = tmp_path / "data"
    assert cli("action", "run", config, "--actions-root", str(folder), "--data-dir", str(data)).code == 0
    assert not data.exists()


@pytest.mark.parametrize("command", ["validate", "run"])
@pytest.mark.parametrize(
    ("given", "words"),
    [
        (b"{", ["Invalid JSON"]),
        (b"\xff", ["UTF-8"]),
        (b"[]", ["Invalid request", "object"]),
        (b'{"mode": "execute", "config": {}}', ["Invalid request", "unknown field"]),
        (b'{"action": {"type": "js", "entry": 1}}', ["Invalid request", "$.action.entry"]),
        (b'{"action": {"source": 1}}', ["Invalid request", "$.action.source"]),
    ],
)
def test_what_is_no_configuration_is_a_mistake(tmp_path: Path, command: str, given: bytes, words: list[str]) -> None:
    """Exit 2 before anything is started."""
    (tmp_path / "c.json").write_bytes(given)
    refused(cli_here("action", command, str(tmp_path / "c.json")), *words)


@pytest.mark.parametrize("arguments", [["validate", "/nope.json"], ["run", "/nope.json"], ["test", "/nope"]])
def test_what_is_not_there_is_a_mistake(arguments: list[str]) -> None:
    """The text names it."""
    refused(cli_here("action", *arguments), arguments[1])


def test_a_root_that_is_no_folder_is_a_mistake(folder: Path) -> None:
    """The text names the setting."""
    config = str(folder / "a/config.json")
    refused(cli_here("action", "run", config, "--actions-root", "/nope"), "actions.root", "/nope")
    refused(cli_here("serve", "--actions-root", config), "actions.root", config)


@pytest.mark.parametrize(
    "body",
    [
        "(event, callback) => { setInterval(() => {}, 50) }",
        "() => { for (;;); }",
        "(e, callback) => { callback(1); for (;;); }",
    ],
)
def test_the_wall_clock_is_the_profile_s(tmp_path: Path, body: str) -> None:
    """A callback is awaited until then; what does not end is ended."""
    home = tmp_path / "policies"
    shutil.copytree(policies.HOME, home)
    profile = home / "profiles/actions.toml"
    profile.write_text(profile.read_text().replace("default = 20000", "default = 1000"))
    (tmp_path / "c.toml").write_text(f'policies = "{home}"\n')
    config = json.dumps(inline(f"exports.main = {body}")).encode()
    ended = cli("action", "run", "-", "--config", str(tmp_path / "c.toml"), given=config)
    error = result(json.loads(ended.out))["failures"][0]["error"]
    assert (ended.code, error["type"], error["message"]) == (1, "TimeoutError", "Execution timeout (>1000ms)")


# ------------------------------------------------------------------ test


def test_test_runs_every_configuration_below_the_folder(folder: Path) -> None:
    """In the order of their paths: what is an object with an action, and what is named config.json whatever is in it."""
    (folder / "b.json").write_text(json.dumps(inline("exports.main = () => { throw 1 }")))
    (folder / "c.json").write_text(json.dumps(inline("exports.main = (")))
    (folder / "d.json").write_text('{"no": "configuration"}')
    (folder / "e.json").write_text("{")
    (folder / "f").mkdir()
    (folder / "f/my.config.json").write_text("{")
    (folder / "g.json").write_text(json.dumps({"action": {"type": "js"}, "extra": 1}))
    ended = cli("action", "test", str(folder), "--actions-root", str(folder))
    told = lines(ended.out)
    assert (ended.code, ended.err) == (1, "")
    assert [(line["config"], line["ok"]) for line in told] == [
        ("a/config.json", True),
        ("b.json", False),
        ("c.json", False),
        ("f/my.config.json", False),
        ("g.json", False),
    ]
    assert told[0]["summary"]["status"] == told[1]["summary"]["status"] == "executed"
    assert (told[2]["summary"]["status"], codes(told[2]["errors"])) == ("validation_failed", ["ACTION_SYNTAX_ERROR"])
    assert [line["error"].split(":")[0] for line in told[3:]] == ["Invalid JSON", "Invalid request"]


def test_test_without_a_configuration_is_a_mistake(tmp_path: Path) -> None:
    """Tests that run nothing are no success."""
    ended = cli("action", "test", str(tmp_path))
    refused(ended, "no configuration", str(tmp_path))


@contextmanager
def watching(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A test that watches. It is killed when the block is left, and after a minute."""
    command = [*SANDBOXD, "action", "test", str(folder), "--watch", "--actions-root", str(folder)]
    heard = partial(signal.signal, signal.SIGINT, signal.default_int_handler)  # a shell's background would ignore it
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heard) as process:
        guard = threading.Timer(60, process.kill)
        guard.start()
        try:
            yield process
        finally:
            guard.cancel()
            process.kill()


def put(file: Path, text: str) -> None:
    """Writes a file that is never seen half written."""
    file.with_suffix(".tmp").write_text(text)
    file.with_suffix(".tmp").rename(file)


def test_watch_runs_again_at_each_change(folder: Path) -> None:
    """Of a program, a fixture and a configuration, of a new one, and of one that is mended; Ctrl-C ends it."""
    with watching(folder) as process:
        assert process.stdout is not None

        def line() -> Any:
            return json.loads(process.stdout.readline())

        assert line()["summary"]["result"]["output_fields"] == {"hello": "Ada"}
        put(folder / "fixtures/event1.json", '{"inputFields": {"name": "Grace"}}')
        assert line()["summary"]["result"]["output_fields"] == {"hello": "Grace"}
        (folder / "actions/action.js").unlink()
        assert codes(line()["errors"]) == ["ACTION_NOT_FOUND"]
        put(folder / "actions/action.js", HELLO.replace("hello", "again"))
        assert line()["summary"]["result"]["output_fields"] == {"again": "Grace"}
        put(folder / "b.json", json.dumps(inline()))
        assert [line()["config"], line()["config"]] == ["a/config.json", "b.json"]
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "")
