"""Paths of configurations: nothing outside of the root is read, and nothing is said of it."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.actions import ActionsCaller, codes, in_files, inline
from tests.support.daemon import running_daemon
from tests.support.stored import make_token


@pytest.fixture(scope="module")
def root(actions: ActionsCaller) -> Path:
    """A root with a valid action, beside a folder of secrets and with every kind of link and special file in it."""
    root, outside = actions.root, actions.root.parent / "outside"
    in_files(root, inline())
    outside.mkdir()
    (outside / "secret.json").write_text('{"secret": "hunter2"}')
    (outside / "secret.js").write_text("exports.main = () => 'hunter2'")
    (root / "link.json").symlink_to(outside / "secret.json")
    (root / "dangling.json").symlink_to(outside / "nothing.json")
    (root / "inner.json").symlink_to(root / "fixtures/event1.json")
    (root / "folder").symlink_to(outside)
    (root / "loop").symlink_to(root / "loop")
    (root / "itself").symlink_to(".")
    os.mkfifo(root / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        cwd = Path.cwd()
        os.chdir(root)  # a socket's path is short
        listener.bind("socket")
        os.chdir(cwd)
    return root


def asked(actions: ActionsCaller, path: str) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """The findings for a path as the action's, and as a fixture's."""
    config = {"version": 1, "action": {"type": "js", "entry": "actions/action.js"}, "fixtures": ["fixtures/event1.json"]}
    answers = [
        actions.validate(config | {"action": {"type": "js", "entry": path}}),
        actions.validate(config | {"fixtures": [path]}),
    ]
    assert [b"hunter2" in answer.body for answer in answers] == [False, False]
    return answers[0].json["errors"], answers[1].json["errors"]


ESCAPES = """
../outside/secret.json ../outside/nothing.json .. ../ ../.. a/.. a/../../outside/secret.json ./../outside/secret.json
fixtures/../../outside/secret.json /etc/passwd /nothing/there //etc/passwd / ROOT/fixtures/event1.json OUTSIDE/secret.json
link.json dangling.json inner.json folder/secret.json folder/nothing.json folder/ loop loop/x itself/fixtures/event1.json
../root/fixtures/event1.json /proc/self/environ /proc/self/fd/0 ../../../../../../../../../../etc/passwd
"""


@pytest.mark.parametrize("path", ESCAPES.split())
def test_an_escape_is_refused(actions: ActionsCaller, root: Path, path: str) -> None:
    """By `..`, absolute, or through a link, also one that leads back: PATH_ESCAPE and nothing else."""
    path = path.replace("ROOT", str(root)).replace("OUTSIDE", str(root.parent / "outside"))
    for found in asked(actions, path):
        assert codes(found) == ["PATH_ESCAPE"]


@pytest.mark.parametrize(
    ("there", "absent"),
    [
        ("../outside/secret.json", "../outside/nothings.js"),
        ("/etc/passwd", "/etc/passwx"),
        ("folder/secret.json", "folder/nothing.js!"),
        ("link.json", "dangling.json"),
    ],
)
@pytest.mark.usefixtures("root")
def test_it_is_not_said_whether_a_file_is_there(actions: ActionsCaller, there: str, absent: str) -> None:
    """The answers differ in the path that was asked, and in nothing else."""
    for one, other in zip(asked(actions, there), asked(actions, absent), strict=True):
        assert [error["message"].replace(there, "X") for error in one] == [
            error["message"].replace(absent, "X") for error in other
        ]
        assert codes(one) == codes(other)


@pytest.mark.parametrize("name", ["fifo", "socket", "fixtures"])
@pytest.mark.usefixtures("root")
def test_what_is_no_file_is_not_opened(actions: ActionsCaller, name: str) -> None:
    """A FIFO does not make anybody wait."""
    program, fixture = asked(actions, name)
    assert (codes(program), codes(fixture)) == (["ACTION_NOT_FILE"], ["FIXTURE_READ_FAILED"])


def test_a_device_is_not_read(actions: ActionsCaller) -> None:
    """One of the machine's own, which has no end; only root could make another."""
    config = {"version": 1, "action": {"type": "js", "entry": "zero"}, "fixtures": ["zero"]}
    ended = actions.cli("validate", config, "--actions-root", "/dev")
    assert codes(json.loads(ended.out)["errors"]) == ["ACTION_NOT_FILE", "FIXTURE_READ_FAILED"]


def test_a_root_that_is_a_link_is_the_operator_s(actions: ActionsCaller, tmp_path: Path) -> None:
    """The root itself may be reached through one."""
    in_files(tmp_path / "real", inline())
    (tmp_path / "root").symlink_to("real")
    ended = actions.cli("validate", in_files(tmp_path / "real", inline()), "--actions-root", str(tmp_path / "root"))
    assert (ended.code, ended.err) == (0, "")


def test_many_large_fixtures_are_not_all_read(actions: ActionsCaller, root: Path) -> None:
    """16 MB is what all files of one action may have; what is beyond is said to be too long."""
    for n in range(20):
        (root / f"large{n}.json").write_text('"' + "x" * ((1 << 20) - 2) + '"')
    config = in_files(root, inline()) | {"fixtures": [f"large{n}.json" for n in range(20)]}
    assert codes(actions.validate(config).json["errors"]) == ["FIXTURE_READ_FAILED"] * 4


# ------------------------------------------------------------------ without a root


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ActionsCaller]:
    """A daemon that reads no files."""
    folder = tmp_path_factory.mktemp("without")
    with running_daemon(folder / "data", doors=["actions"], SANDBOXD_ACTIONS_ROOT="") as daemon:
        yield ActionsCaller(daemon, make_token(daemon.data_dir, "caller"), folder)


@pytest.mark.parametrize(
    "config", [inline(), {}, {"version": 1, "action": {"type": "js", "entry": "/etc/passwd"}, "fixtures": []}]
)
def test_without_a_root_no_file_is_read(without: ActionsCaller, config: Any) -> None:
    """403, and the text names the setting."""
    if "source" in config.get("action", {}):
        config = in_files(without.root, config)
    answer = without.validate(config)
    assert (answer.status, "actions.root" in answer.json["error"], "SANDBOXD_ACTIONS_ROOT" in answer.json["error"]) == (
        403,
        True,
        True,
    )


def test_without_a_root_inline_actions_run(without: ActionsCaller) -> None:
    """They need no files."""
    assert without.execute(inline()).status == 200


def test_the_environment_names_the_root_too(tmp_path: Path) -> None:
    """SANDBOXD_ACTIONS_ROOT is the same setting, and so is the key of the configuration file."""
    config = in_files(tmp_path / "root", inline())
    (tmp_path / "c.toml").write_text(f'doors = ["actions"]\n[actions]\nroot = "{tmp_path / "root"}"\n')
    with running_daemon(tmp_path / "data", "--config", str(tmp_path / "c.toml")) as daemon:
        assert ActionsCaller(daemon, make_token(daemon.data_dir, "caller"), tmp_path).validate(config).json["valid"]
