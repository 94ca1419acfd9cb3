"""`sandboxd config`: what it shows is what holds, and where each setting comes from is right."""

import json
from pathlib import Path

import pytest

from sandboxd.config_reference import example
from tests.support.cli import cli, cli_here, refused


@pytest.fixture
def file(tmp_path: Path) -> str:
    """A configuration that sets three things."""
    path = tmp_path / "c.toml"
    path.write_text('node = "file"\ndata_dir = "file"\n[pool]\nahead = 7\n')
    return str(path)


def test_show_says_where_each_setting_comes_from(file: str) -> None:
    """The default, the file, the variable or the option, a line each; variables stand over the file, options over them."""
    ended = cli("config", "show", "--bind", "[::1]:80", SANDBOXD_CONFIG=file, SANDBOXD_DATA_DIR="variable")
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert 'bind = "[::1]:80"  # option --bind' in lines
    assert 'data_dir = "variable"  # variable SANDBOXD_DATA_DIR' in lines
    assert f'node = "file"  # file {file}' in lines
    assert f"pool.ahead = 7  # file {file}" in lines
    assert "pool.wait_ms = 30000  # default" in lines


def test_an_option_is_not_taken_for_the_variable(file: str) -> None:
    """Where both name the same, the option is what holds."""
    ended = cli("config", "show", "--config", file, "--data-dir", "option", SANDBOXD_DATA_DIR="v", SANDBOXD_CONFIG="/nope")
    assert 'data_dir = "option"  # option --data-dir' in ended.out.splitlines()


def test_show_json_has_the_same(file: str) -> None:
    """Keys, values and origins of all settings, in the same order."""
    lines = cli_here("config", "show", "--config", file).out.splitlines()
    found = json.loads(cli_here("config", "show", "--config", file, "--json").out)
    assert {"key": "pool.ahead", "value": 7, "origin": f"file {file}"} in found
    assert [setting["key"] for setting in found] == [line.partition(" = ")[0] for line in lines]
    assert [setting["origin"] for setting in found] == [line.rpartition("  # ")[2] for line in lines]


def test_what_is_shown_is_a_configuration_with_the_same_settings(file: str, tmp_path: Path) -> None:
    """The output of one command is the file of the next."""
    shown = cli_here("config", "show", "--config", file).out
    (tmp_path / "again.toml").write_text(shown)
    again = cli_here("config", "show", "--config", str(tmp_path / "again.toml")).out
    assert [line.partition("  # ")[0] for line in again.splitlines()] == [
        line.partition("  # ")[0] for line in shown.splitlines()
    ]
    assert "# default" not in again


def test_the_example_is_printed_as_it_is_tested() -> None:
    """The whole file on stdout."""
    assert cli_here("config", "example") == (0, f"{example()}\n", "")


@pytest.mark.parametrize("command", [["show"], ["show", "--json"]])
def test_a_wrong_setting_is_not_shown(tmp_path: Path, command: list[str]) -> None:
    """Every problem is named with file, line and key, and nothing is printed."""
    path = tmp_path / "c.toml"
    path.write_text("[pool]\nahead = 0\nunknown = 1\n")
    ended = cli_here("config", *command, "--config", str(path))
    refused(ended, f"{path}:2: pool.ahead: Expected `int` >= 1", f"{path}:3: pool.unknown: unknown key")
