"""`sandboxd policy`: what is wrong with one, and what it says in words."""

import re
from pathlib import Path

import pytest

import policies
from tests.support.cli import cli, refused
from tests.support.policy_files import PROFILE, changed_policies


def test_policy_check_of_the_shipped_policy() -> None:
    """What is shipped has no problem."""
    profiles = len(list((policies.HOME / "profiles").glob("*.toml")))
    assert cli("policy", "check") == (0, f"{profiles} profiles, 5 tiers: no problem\n", "")


@pytest.fixture
def wrong_policy(tmp_path: Path) -> str:
    """A configuration whose policies have problems in two files."""
    folder = tmp_path / "policies"
    (folder / "profiles").mkdir(parents=True)
    (folder / "tiers.toml").write_text("[free.doors.code-nodes]\nmax_timeout_ms = 1000\n")
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


def line_of(text: str) -> int:
    """The line of the shipped profile on which `text` stands first."""
    lines = (policies.HOME / PROFILE).read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


@pytest.mark.parametrize(
    ("url", "said", "line"),
    [
        ("http://localhost:3000/api?x", "allowed", "[[fetch.hosts]]"),
        ("HTTPS://JSONplaceholder.typicode.com", "allowed", "jsonplaceholder"),
        ("http://localhost:6379/", "refused", "Databases"),
        ("https://evil.example/", "refused", "[[fetch.hosts]]"),
        ("http://2130706433/", "refused", "[fetch]"),
        ("file:///etc/passwd", "refused", "[fetch]"),
        ("/api/data", "refused", "[fetch]"),
    ],
)
def test_explain_says_which_line_decides_about_a_url(url: str, said: str, line: str) -> None:
    """Allowed is exit 0, refused is exit 1; the line is of the table that decides."""
    ended = cli("policy", "explain", "code-nodes", url)
    found = re.fullmatch(r"(allowed|refused) by (\S+):(\d+): .+", ended.out.splitlines()[0])
    assert found is not None
    assert (found[1], found[2], ended.code) == (said, PROFILE, 0 if said == "allowed" else 1)
    assert abs(int(found[3]) - line_of(line)) <= 8


def test_a_profile_without_what_the_harness_needs_says_so(tmp_path: Path) -> None:
    """The global that is missing is named; where workers are forked the server's own words are told."""
    config = changed_policies(tmp_path)
    path = tmp_path / "policies" / PROFILE
    path.write_text(path.read_text().replace("\nObject Function Array", "\nObject Array"))
    ended = cli("run", "-", "--config", config, given=b"return 1")
    assert (ended.code, ended.out) == (2, "")
    assert "The fork server did not start: ReferenceError: Function is not defined" in ended.err


def test_explain_reads_a_url_relative_to_the_base(tmp_path: Path) -> None:
    """As code's own would be; and a credential is told by its header and host, without its value."""
    secret = 'host = "api.example.com"\nheader = "Authorization"\nvalue = "s3cret"\nwhy = "The account of the tests."'
    config = changed_policies(
        tmp_path,
        fetch='base_url = "https://api.example.com/v1/"',
        hosts={"api.example.com": 'schemes = ["https"]\nports = [443]'},
        more=f"[[fetch.credentials]]\n{secret}",
    )
    asked = cli("policy", "explain", "code-nodes", "users?x", "--config", config)
    assert (asked.code, asked.out.split(": ")[0].rpartition(":")[0]) == (0, f"allowed by {PROFILE}")
    told = cli("policy", "explain", "code-nodes", "--config", config).out
    assert "the broker adds Authorization for api.example.com: The account of the tests." in told
    assert "s3cret" not in told + asked.out


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
