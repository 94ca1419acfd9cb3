"""The command line as a whole: its commands, and the environment that stands for their options."""

import re
import sys
from pathlib import Path

import pytest

from sandboxd import __version__
from sandboxd.store.database import FILE
from tests.support.cli import cli, refused
from tests.support.daemon import SANDBOXD, running_daemon

# ------------------------------------------------------------------ the program


@pytest.mark.parametrize("program", [SANDBOXD, [str(Path(sys.executable).with_name("sandboxd"))]], ids=["module", "script"])
def test_the_version(program: list[str]) -> None:
    """`sandboxd --version` and `python -m sandboxd --version` are the same program."""
    assert cli("--version", program=program) == (0, f"sandboxd, version {__version__}\n", "")


def test_help_names_every_command() -> None:
    """The help lists the commands."""
    ended = cli("--help")
    assert ended.code == 0
    named = "action backup config doctor exec executions policy restore run serve token validate"
    assert " ".join(re.findall(r"^  (\w+)  ", ended.out, re.MULTILINE)) == named


@pytest.mark.parametrize(
    "arguments", [["unknown"], ["run"], ["token"], ["token", "create"], ["serve", "--unknown"], ["exec"], ["executions"]]
)
def test_a_wrong_command_line_is_the_caller_s_mistake(arguments: list[str]) -> None:
    """Unknown commands, missing arguments and unknown options are exit code 2."""
    assert cli(*arguments).code == 2


# ------------------------------------------------------------------ the environment


def test_the_environment_stands_for_the_options(tmp_path: Path) -> None:
    """SANDBOXD_DATA_DIR and SANDBOXD_CONFIG are obeyed by the token commands and the daemon."""
    (tmp_path / "c.toml").write_text("drain_ms = 1234\n")
    variables = {"SANDBOXD_DATA_DIR": str(tmp_path / "from-env"), "SANDBOXD_CONFIG": str(tmp_path / "c.toml")}
    token = cli("token", "create", "--user", "u", **variables).out.strip()
    assert (tmp_path / "from-env" / FILE).exists()
    with running_daemon(tmp_path / "from-env", SANDBOXD_CONFIG=variables["SANDBOXD_CONFIG"]) as daemon:
        assert daemon.execute(token, "return 1").status == 200


def test_a_wrong_file_in_the_environment_is_named(tmp_path: Path) -> None:
    """SANDBOXD_CONFIG is read like --config."""
    (tmp_path / "c.toml").write_text("unknown_key = 1\n")
    refused(cli("policy", "check", SANDBOXD_CONFIG=str(tmp_path / "c.toml")), "unknown_key", str(tmp_path / "c.toml"))


def test_an_option_wins_over_the_environment(tmp_path: Path) -> None:
    """--data-dir is used, SANDBOXD_DATA_DIR is not."""
    cli("token", "create", "--user", "u", "--data-dir", str(tmp_path / "option"), SANDBOXD_DATA_DIR=str(tmp_path / "env"))
    assert [path.name for path in tmp_path.iterdir()] == ["option"]


def test_an_empty_variable_is_none(tmp_path: Path) -> None:
    """A variable that is set to nothing counts as not set."""
    ended = cli("token", "list", SANDBOXD_DATA_DIR="", SANDBOXD_CONFIG="", SANDBOXD_NODE="", HOME=str(tmp_path))
    assert (ended.code, (tmp_path / ".local/share/sandboxd" / FILE).exists()) == (0, True)
