"""`sandboxd policy`: what is wrong with one, and what it says in words."""

from pathlib import Path

import pytest

from tests.support.cli import cli, refused


def test_policy_check_of_the_shipped_policy() -> None:
    """What is shipped has no problem."""
    assert cli("policy", "check") == (0, "1 profiles, 5 tiers: no problem\n", "")


@pytest.fixture
def wrong_policy(tmp_path: Path) -> str:
    """A configuration whose policies have problems in two files."""
    folder = tmp_path / "policies"
    (folder / "profiles").mkdir(parents=True)
    (folder / "tiers.toml").write_text('[free]\ndoors = ["code-nodes"]\nmax_timeout_ms = 1000\n')
    (folder / "profiles" / "code-nodes.toml").write_text("unknown = 1\n")
    config = tmp_path / "config.toml"
    config.write_text(f'policies = "{folder}"\n')
    return str(config)


def test_policy_check_reports_all_problems_at_once(wrong_policy: str) -> None:
    """Problems of both files, each with file and line, are on stderr; the end is exit 1."""
    ended = cli("policy", "check", "--config", wrong_policy)
    assert (ended.code, ended.out) == (1, "")
    assert "profiles/code-nodes.toml:1: unknown: unknown key\n" in ended.err
    assert "tiers.toml:1: free.why: missing\n" in ended.err


def test_serve_refuses_a_wrong_policy(wrong_policy: str, data: str) -> None:
    """The daemon does not start with a policy that has problems, and names them."""
    refused(
        cli("serve", "--bind", "127.0.0.1:0", "--data-dir", data, "--config", wrong_policy), "unknown key", "free.why: missing"
    )


def test_a_missing_policy_folder_is_named(tmp_path: Path) -> None:
    """A folder that is not there is named with its setting."""
    (tmp_path / "c.toml").write_text('policies = "/nope"\n')
    refused(cli("policy", "check", "--config", str(tmp_path / "c.toml")), "policies", "/nope")


def test_policy_explain_says_it_in_words() -> None:
    """Limits stand with their reasons, and what is absent is said."""
    ended = cli("policy", "explain", "code-nodes")
    assert ended.code == 0
    for text in ("runs 1000 to 30000 ms, 5000 unless asked", "134,217,728 bytes of memory", "may not make code", "absent"):
        assert text in ended.out


def test_policy_explain_of_an_unknown_profile_is_refused() -> None:
    """The text names the profile and those that there are."""
    refused(cli("policy", "explain", "nope"), "'nope'", "code-nodes")


def test_explain_tells_the_system_calls() -> None:
    """All filters in words, with the reason of each rule."""
    said = cli("policy", "explain", "code-nodes").out
    for part in ("the layers of its jail must all hold", "threads is on", "getrandom"):
        assert part in said


@pytest.mark.parametrize(
    ("setting", "environment", "phases"),
    [
        ("auto", {}, ["fork_boot", "server", "child"]),
        ("exec", {}, ["exec_boot", "exec_run"]),
        ("auto", {"SANDBOXD_NODE": "nodejs-bin"}, ["exec_boot", "exec_run"]),
    ],
)
def test_explain_tells_the_phases_that_are_in_use(
    tmp_path: Path, setting: str, environment: dict[str, str], phases: list[str]
) -> None:
    """Those of the workers that the settings and the Node lead to, in the order in which they are put on."""
    (tmp_path / "c.toml").write_text(f'[pool]\nworkers = "{setting}"\n')
    ended = cli("policy", "explain", "code-nodes", "--config", str(tmp_path / "c.toml"), **environment)
    assert [line.split()[1].rstrip(":") for line in ended.out.splitlines() if line.startswith("phase ")] == phases
