"""`sandboxd run` and `sandboxd validate`: what they print, where, and how they end."""

import json
import re
import signal
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.support.cli import cli, cli_here, refused
from tests.support.daemon import SANDBOXD
from tests.support.processes import workers
from tests.support.stored import wait_until

USAGE = re.compile(r"(\w+): \d+\.\d ms wall, \d+\.\d ms CPU, \d+\.\d MiB\n")


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
        ("process.exit()", "Dangerous pattern detected: process"),
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
    refused(cli_here("run", file("return 1"), *arguments), *words)


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
    heard = partial(signal.signal, signal.SIGINT, signal.default_int_handler)  # a shell's background would ignore it
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heard)
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
