"""The command line: what each command prints, where, and how it ends."""

import json
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sandboxd import __version__
from sandboxd.jail.layers import LAYERS
from sandboxd.store.database import FILE
from tests.support.cli import Ended, cli
from tests.support.daemon import BASE, SANDBOXD, Daemon, running_daemon
from tests.support.processes import workers
from tests.support.stored import id_of, wait_until

TOKEN = re.compile(r"sbx_[A-Za-z0-9_-]{43}\n")
USAGE = re.compile(r"(\w+): \d+\.\d ms wall, \d+\.\d ms CPU, \d+\.\d MiB\n")


@pytest.fixture
def data(tmp_path: Path) -> str:
    """A data directory that does not exist yet."""
    return str(tmp_path / "some" / "data")


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], str]:
    """Writes code into a file."""

    def write(code: str, name: str = "code.js") -> str:
        path = tmp_path / name
        path.write_text(code)
        return str(path)

    return write


def refused(ended: Ended, *words: str) -> None:
    """Asserts a mistake of the caller: exit 2, nothing on stdout, a text with these words and without a traceback."""
    assert (ended.code, ended.out, "Traceback" in ended.err) == (2, "", False)
    assert [word for word in words if word not in ended.err] == []


# ------------------------------------------------------------------ the program


@pytest.mark.parametrize("program", [SANDBOXD, [str(Path(sys.executable).with_name("sandboxd"))]], ids=["module", "script"])
def test_the_version(program: list[str]) -> None:
    """`sandboxd --version` and `python -m sandboxd --version` are the same program."""
    assert cli("--version", program=program) == (0, f"sandboxd, version {__version__}\n", "")


def test_help_names_every_command() -> None:
    """The help lists the commands."""
    ended = cli("--help")
    assert ended.code == 0
    assert re.findall(r"^  (\w+)  ", ended.out, re.MULTILINE) == ["doctor", "policy", "run", "serve", "token", "validate"]


@pytest.mark.parametrize("arguments", [["unknown"], ["run"], ["token"], ["token", "create"], ["serve", "--unknown"]])
def test_a_wrong_command_line_is_the_caller_s_mistake(arguments: list[str]) -> None:
    """Unknown commands, missing arguments and unknown options are exit code 2."""
    assert cli(*arguments).code == 2


# ------------------------------------------------------------------ token


def test_token_create_prints_the_token_alone(data: str) -> None:
    """One line on stdout, ready for a variable of a shell; the data directory is created for its owner alone."""
    ended = cli("token", "create", "--user", "u", "--data-dir", data)
    assert (ended.code, bool(TOKEN.fullmatch(ended.out)), ended.err) == (0, True, "")
    assert Path(data).stat().st_mode & 0o777 == 0o700


def test_token_list_shows_ids_and_never_tokens(data: str) -> None:
    """A line has id, tenant, user, tier, the day and the state; starter is the default tier."""
    token = cli("token", "create", "--user", "u", "--tenant", "t", "--data-dir", data).out.strip()
    ended = cli("token", "list", "--data-dir", data)
    assert ended.out.startswith(f"{id_of(token)}\tt\tu\tstarter\t")
    assert (ended.code, ended.out.endswith("\tvalid\n"), token in ended.out) == (0, True, False)


def test_token_list_of_nothing_is_empty(data: str) -> None:
    """Without tokens nothing is listed."""
    assert cli("token", "list", "--data-dir", data) == (0, "", "")


def test_token_list_shows_the_states(data: str) -> None:
    """A token is valid, valid until, expired or revoked."""
    create = ("token", "create", "--user", "u", "--data-dir", data)
    revoked = cli(*create).out.strip()
    cli(*create, "--expires", "30")
    cli(*create, "--expires", "0.0000001")
    cli("token", "revoke", id_of(revoked), "--data-dir", data)
    states = [line.split("\t")[5].split(" 20")[0] for line in cli("token", "list", "--data-dir", data).out.splitlines()]
    assert sorted(states) == ["expired", "revoked", "valid until"]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--tier", "gold"),
        ("--user", ""),
        ("--user", "a\tb"),
        ("--user", "x" * 201),
        ("--tenant", "a\nb"),
        ("--expires", "0"),
        ("--expires", "-1"),
        ("--expires", "nan"),
        ("--expires", "1e300"),
        ("--expires", "soon"),
    ],
)
def test_token_create_refuses_by_name(data: str, option: str, value: str) -> None:
    """The text names the option, or the tier and those that there are."""
    ended = cli("token", "create", "--user", "u", "--data-dir", data, option, value)
    refused(ended, *(["'gold'", "starter", "service"] if option == "--tier" else [option]))


def test_token_revoke_of_an_unknown_id_is_refused(data: str) -> None:
    """The text names the id."""
    refused(cli("token", "revoke", "0123456789ab", "--data-dir", data), "0123456789ab")


def test_token_commands_refuse_a_directory_that_cannot_be(file: Callable[[str], str]) -> None:
    """Below a file there is no directory; the text names it."""
    below = file("") + "/data"
    refused(cli("token", "list", "--data-dir", below), below)


def test_a_token_works_at_once_while_the_daemon_runs(daemon: Daemon) -> None:
    """Tokens are made beside a running daemon, and the next request knows them."""
    token = daemon.token("fresh", "starter")
    assert daemon.execute(token, "return 1").status == 200


def test_a_revocation_holds_at_once_while_the_daemon_runs(daemon: Daemon) -> None:
    """After the command has ended no request with that token is served."""
    token = daemon.token("gone")
    assert daemon.execute(token, "return 1").status == 200
    assert cli("token", "revoke", id_of(token), "--data-dir", str(daemon.data_dir)) == (0, "", "")
    assert daemon.execute(token, "return 1").status == 401


def test_an_expired_token_stops_working(daemon: Daemon) -> None:
    """--expires is obeyed by the daemon: before the end it works, after it not."""
    token = daemon.token("brief", "starter", "--expires", str(5 / 86_400))
    assert daemon.request("GET", f"{BASE}/templates", token=token).status == 200
    time.sleep(5.1)
    assert daemon.request("GET", f"{BASE}/templates", token=token).status == 401


# ------------------------------------------------------------------ run


def test_run_prints_output_and_results_on_stdout(file: Callable[[str], str]) -> None:
    """The code's output, then its results as JSON, on stdout; one line of usage on stderr."""
    ended = cli("run", file("results.sum = 8; console.log('Sum:', 8); console.error('end')"))
    assert (ended.code, ended.out) == (0, 'Sum: 8\nend\n{"sum":8}\n')
    assert (match := USAGE.fullmatch(ended.err)) is not None
    assert match[1] == "succeeded"


def test_run_reads_standard_input() -> None:
    """`-` is standard input, in UTF-8."""
    assert cli("run", "-", given="return 'grün'".encode()).out == '"grün"\n'


def test_run_gives_the_input(file: Callable[[str], str]) -> None:
    """--input is the global `input`."""
    assert cli("run", file("return input.a[1]"), "--input", '{"a": [1, {"b": "ü"}]}').out == '{"b":"ü"}\n'


def test_run_takes_typescript(file: Callable[[str], str]) -> None:
    """--typescript erases types."""
    assert cli("run", file("const a: number = 1; return a", "code.ts"), "--typescript").out == "1\n"


@pytest.mark.parametrize(
    ("code", "more", "status", "text"),
    [
        ("console.log('before'); throw new Error('mine')", [], "failed", "Error: mine (line 1)\n"),
        ("console.log('before'); for (;;) {}", ["--timeout-ms", "1000"], "timed_out", "Execution timeout (>1000ms)\n"),
        ("console.log('before'); return new Uint8Array(1 << 30)", [], "memory_exceeded", "Memory limit exceeded (128 MB)\n"),
    ],
)
def test_run_of_failing_code_is_exit_1(file: Callable[[str], str], code: str, more: list[str], status: str, text: str) -> None:
    """Output is printed, the failure and the usage go to stderr."""
    ended = cli("run", file(code), *more)
    assert (ended.code, ended.out) == (1, "before\n")
    assert (text in ended.err, f"\n{status}: " in ended.err) == (True, True)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("", "Code cannot be empty"),
        ("//" + "x" * 10_240, "Code exceeds maximum length (10 KB)"),
        ("process.exit()", "Dangerous pattern detected: process"),
        ("f(", "Unmatched parentheses"),
        ("a b", "SyntaxError: "),
    ],
)
def test_run_and_validate_tell_what_validation_found(file: Callable[[str], str], code: str, text: str) -> None:
    """Invalid code is the code's failure: exit 1, on stderr of run and on stdout of validate."""
    path = file(code)
    ran, validated = cli("run", path), cli("validate", path)
    assert (ran.code, ran.out, ran.err.startswith(text)) == (1, "", True)
    assert (validated.code, validated.out.startswith(text), validated.err) == (1, True, "")


def test_run_json_is_the_whole_outcome(file: Callable[[str], str]) -> None:
    """--json prints one document with status, logs with their levels, value, what was returned besides, and usage."""
    ended = cli("run", file("console.warn('w'); results.a = 1; return 2"), "--json")
    outcome = json.loads(ended.out)
    assert (ended.code, ended.err) == (0, "")
    assert (outcome["status"], outcome["logs"], outcome["value"], outcome["returned"]) == (
        "succeeded",
        [{"level": "warn", "text": "w"}],
        {"a": 1},
        2,
    )
    assert set(outcome["usage"]) == {"cpu_ms", "memory_bytes", "wall_ms"}


def test_run_json_of_failing_code_is_exit_1(file: Callable[[str], str]) -> None:
    """A failure is in the document with its kind, name, message and place."""
    ended = cli("run", file("\nthrow new TypeError('x')"), "--json")
    failure = json.loads(ended.out)["failure"]
    assert (ended.code, failure["name"], failure["message"], failure["line"]) == (1, "TypeError", "x", 2)


def test_run_says_that_output_was_cut(file: Callable[[str], str]) -> None:
    """Output past the limit is dropped, and the usage line says so."""
    ended = cli("run", file("console.log('x'.repeat(1 << 20) + 'y')"))
    assert (ended.code, len(ended.out), ended.err.endswith(", output cut at its limit\n")) == (0, (1 << 20) + 1 + 3, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--timeout-ms", "999"], ["--timeout-ms", "between 1000 and 30000"]),
        (["--timeout-ms", "30001"], ["--timeout-ms", "between 1000 and 30000"]),
        (["--timeout-ms", "1.5"], ["--timeout-ms"]),
        (["--profile", "nope"], ["'nope'", "code-nodes"]),
        (["--input", "{"], ["--input", "not JSON"]),
        (["--input", "NaN"], ["--input", "not JSON"]),
        (["--input", ""], ["--input", "not JSON"]),
        (["--input", "[" * 50_000], ["--input", "not JSON"]),
        (["--config", "/nope.toml"], ["/nope.toml"]),
    ],
)
def test_run_refuses_by_name(file: Callable[[str], str], arguments: list[str], words: list[str]) -> None:
    """What is wrong with an option is told with the option's name or value."""
    refused(cli("run", file("return 1"), *arguments), *words)


@pytest.mark.parametrize("command", ["run", "validate"])
def test_a_missing_file_is_refused(command: str) -> None:
    """The text names the file."""
    refused(cli(command, "/nope/code.js"), "/nope/code.js")


@pytest.mark.parametrize("command", ["run", "validate"])
def test_code_that_is_not_utf8_is_refused(command: str, tmp_path: Path) -> None:
    """Bytes that are no text are the caller's mistake, in a file and on standard input."""
    (tmp_path / "bad.js").write_bytes(b"return '\xff'")
    refused(cli(command, str(tmp_path / "bad.js")), "bad.js", "UTF-8")
    refused(cli(command, "-", given=b"\xff"), "<stdin>", "UTF-8")


@pytest.mark.parametrize("node", ["/nope/node", "/bin/ls", "/etc/passwd"])
def test_a_wrong_node_is_refused(file: Callable[[str], str], node: str) -> None:
    """What is not there, not a Node and not a program is named, with the variable to set."""
    refused(cli("run", file("return 1"), SANDBOXD_NODE=node), node, "SANDBOXD_NODE")


def test_the_end_of_life_node_runs_too(file: Callable[[str], str]) -> None:
    """SANDBOXD_NODE=nodejs-bin names the other package; TypeScript is then refused by its name."""
    assert cli("run", file("return [1].map(x => x + 1)"), SANDBOXD_NODE="nodejs-bin").out == "[2]\n"
    ended = cli("run", file("const a: number = 1"), "--typescript", SANDBOXD_NODE="nodejs-bin")
    assert (ended.code, "TypeScript needs Node 22.13" in ended.err) == (1, True)


def test_run_leaves_nothing_and_needs_no_data_directory(file: Callable[[str], str], tmp_path: Path) -> None:
    """`run` writes no file, whatever SANDBOXD_DATA_DIR says."""
    cli("run", file("return 1"), SANDBOXD_DATA_DIR=str(tmp_path / "data"), HOME=str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["code.js"]


def test_control_c_ends_a_run_without_a_traceback(file: Callable[[str], str]) -> None:
    """SIGINT is exit code 130 and quiet."""
    code = "console.log('up'); await new Promise(resolve => setTimeout(resolve, 25000))"
    command = [*SANDBOXD, "run", file(code), "--timeout-ms", "30000"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert wait_until(lambda: workers(process.pid), 30)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "")


# ------------------------------------------------------------------ validate


def test_validate_says_valid(file: Callable[[str], str]) -> None:
    """Valid code is exit 0, and it is not run."""
    assert cli("validate", file("for (;;) console.log('never')")) == (0, "valid\n", "")


def test_validate_tells_the_place(file: Callable[[str], str]) -> None:
    """A finding stands with its line and column."""
    assert cli("validate", file("1;\n eval('1')")) == (1, "Dangerous pattern detected: eval (line 2, column 2)\n", "")


def test_validate_reads_standard_input() -> None:
    """`-` is standard input."""
    assert cli("validate", "-", given=b"return 1").out == "valid\n"


# ------------------------------------------------------------------ doctor


def test_doctor_finds_this_machine_well(data: str) -> None:
    """Every line is ok, and nothing was created."""
    ended = cli("doctor", "--data-dir", data)
    assert (ended.code, {line[:4] for line in ended.out.splitlines()}) == (0, {"ok  "})
    assert not Path(data).exists()


def test_doctor_json_has_the_same_findings(data: str) -> None:
    """--json prints a list of findings."""
    ended = cli("doctor", "--json", "--data-dir", data)
    findings = json.loads(ended.out)
    assert (ended.code, all(finding["ok"] for finding in findings)) == (0, True)
    subjects = [finding["subject"] for finding in findings]
    assert [
        name for name in ("kernel", "native module", "node", "policy", "data directory", "worker") if name not in subjects
    ] == []


def test_doctor_has_a_line_for_each_layer(data: str) -> None:
    """Which of the jail's layers hold here."""
    lines = cli("doctor", "--data-dir", data).out.splitlines()
    found = [line.split(": ")[1] for line in lines if line.startswith("ok  jail: ")]
    assert found == list(LAYERS)


def test_explain_tells_the_system_calls() -> None:
    """Both filters in words, with the reason of each rule."""
    said = cli("policy", "explain", "code-nodes").out
    for part in ("the layers of its jail must all hold", "phase exec_boot", "phase exec_run", "threads is on", "getrandom"):
        assert part in said


def test_doctor_names_what_is_missing(file: Callable[[str], str]) -> None:
    """Every problem has its line, each with a text that helps; the end is exit 1."""
    ended = cli("doctor", "--data-dir", file("") + "/data", SANDBOXD_NODE="/nope/node")
    wrong = [line for line in ended.out.splitlines() if line.startswith("NOT ")]
    assert (ended.code, ended.err) == (1, "")
    assert [line.split(":")[0] for line in wrong] == ["NOT node", "NOT data directory", "NOT jail", "NOT worker"]
    assert ("/nope/node" in wrong[0], "is not a folder" in wrong[1]) == (True, True)


# ------------------------------------------------------------------ policy


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


# ------------------------------------------------------------------ serve


@pytest.mark.parametrize(
    "bind", ["", "8000", ":8000", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:80", "http://a:1", "a:b"]
)
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
