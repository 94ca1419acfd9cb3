"""`sandboxd exec` and `sandboxd executions`: a daemon's executions from the command line."""

import json
import os
import signal
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.cli import Ended, cli, refused
from tests.support.daemon import SANDBOXD, Daemon, running_daemon
from tests.support.executing import ASLEEP, Caller
from tests.support.stored import make_token

DOORS = ["executions"]


@pytest.fixture(scope="module")
def caller(daemon: Daemon) -> Caller:
    """Somebody without quotas."""
    return Caller(daemon, make_token(daemon.data_dir, "caller"))


def environment(caller: Caller) -> dict[str, str]:
    return {"SANDBOXD_URL": f"http://{caller.daemon.host}:{caller.daemon.port}", "SANDBOXD_TOKEN": caller.token}


def ask(caller: Caller, *arguments: str, given: str = "") -> Ended:
    """A command that knows daemon and token by its variables."""
    return cli(*arguments, given=given.encode(), **environment(caller))


def started(caller: Caller, *arguments: str) -> subprocess.Popen[str]:
    """A command that goes on; its standard output is read by the test."""
    return subprocess.Popen(
        [*SANDBOXD, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | environment(caller)
    )


def test_exec_prints_what_the_program_prints_and_its_result(caller: Caller) -> None:
    """Output and result on stdout, the status on stderr, exit 0."""
    ended = ask(caller, "exec", "-", given="console.log('grün', 1); console.error('e'); const a: number[] = [2]; ({ a })")
    assert ended == (0, 'grün 1\n[ERROR] e\n{"a":[2]}\n', "completed\n")


def test_exec_of_a_failing_program_is_exit_1(caller: Caller, file: Callable[[str], str]) -> None:
    """Its output is printed, its error goes to stderr."""
    ended = ask(caller, "exec", file("console.log('before'); throw new Error('mine')"))
    assert ended == (1, "before\n", "Error: mine\nfailed\n")


def test_exec_passes_its_options_on(caller: Caller) -> None:
    """Time and memory are the daemon's business: it refuses by its own names, and obeys."""
    ended = ask(caller, "exec", "-", "--timeout-secs", "1", given="for (;;) {}")
    assert ended == (1, "", "Execution timed out\ntimed_out\n")
    refused(ask(caller, "exec", "-", "--timeout-secs", "301", given="1"), "execution_timeout_secs")
    refused(ask(caller, "exec", "-", "--memory-mb", "99999999", given="1"), "heap_memory_max_mb", "max_memory_bytes")


def test_exec_json_is_the_execution_and_its_output(caller: Caller) -> None:
    """One document, whatever the end; nothing else."""
    for code, exit_code, status in (("console.log('a'); 1", 0, "completed"), ("console.log('a'); throw 1", 1, "failed")):
        ended = ask(caller, "exec", "-", "--json", given=code)
        told = json.loads(ended.out)
        assert (ended.code, ended.err, told["status"], told["output"]) == (exit_code, "", status, "a\n")
        assert told == caller.get(told["execution_id"]) | {"output": "a\n"}


def test_exec_detached_prints_the_id(caller: Caller) -> None:
    """And leaves the execution alone."""
    ended = ask(caller, "exec", "-", "--detach", given="'later'")
    assert (ended.code, ended.err) == (0, "")
    assert caller.ended(ended.out.strip())["result"] == '"later"'


def test_exec_shows_output_while_it_runs(caller: Caller, file: Callable[[str], str]) -> None:
    """The first line is there before the program has ended."""
    process = started(caller, "exec", file(ASLEEP))
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    execution_id = caller.listed("?limit=1")[0]["execution_id"]
    assert caller.get(execution_id)["status"] == "running"
    caller.cancel(execution_id)
    assert process.communicate(timeout=60) == ("", "Cancelled by user\ncancelled\n")
    assert process.returncode == 1


def test_ctrl_c_cancels(caller: Caller, file: Callable[[str], str]) -> None:
    """Exit 130, without a traceback, and the execution is over."""
    process = started(caller, "exec", file(ASLEEP))
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    execution_id = caller.listed("?limit=1")[0]["execution_id"]
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60) == ("", "cancelled\n")
    assert (process.returncode, caller.get(execution_id)["status"]) == (130, "cancelled")


def test_a_reader_that_goes_away_cancels(caller: Caller, file: Callable[[str], str]) -> None:
    """As in `sandboxd exec FILE | head -1`: nobody would see the rest."""
    endless = "for (;;) { console.log('x'.repeat(1000)); await new Promise(resolve => setTimeout(resolve, 20)) }"
    with started(caller, "exec", file(endless)) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        execution_id = caller.listed("?limit=1")[0]["execution_id"]
        process.stdout.close()
        assert caller.ended(execution_id)["status"] == "cancelled"
        assert process.wait(60) != 0
        assert "Traceback" not in process.stderr.read()


def test_a_lost_connection_is_taken_up_again(tmp_path: Path, file: Callable[[str], str]) -> None:
    """The daemon is killed in the middle and comes back: what was printed before is not printed twice, and the end is told."""
    with running_daemon(tmp_path / "data", doors=DOORS) as first:
        caller = Caller(first, make_token(first.data_dir, "caller"))
        process = started(caller, "exec", file("console.log('before'); await new Promise(r => setTimeout(r, 60000))"))
        assert process.stdout is not None
        assert process.stdout.readline() == "before\n"
        first.process.kill()
        first.process.wait()
    with running_daemon(tmp_path / "data", "--bind", f"127.0.0.1:{first.port}", doors=DOORS):
        assert process.communicate(timeout=120) == ("", "daemon restarted\nfailed\n")
    assert process.returncode == 1


def test_list_has_one_line_each(caller: Caller) -> None:
    """Id, status, started, completed; the newest first, as many as asked for."""
    ended, running = caller.submit("1"), caller.submit(ASLEEP)
    caller.ended(ended)
    lines = [line.split("\t") for line in ask(caller, "executions", "list", "--limit", "2").out.splitlines()]
    assert [line[:2] for line in lines] == [[running, "running"], [ended, "completed"]]
    assert (lines[0][3], [len(line) for line in lines]) == ("-", [4, 4])
    caller.cancel(running)


def test_get_is_the_execution_as_json(caller: Caller) -> None:
    """As the API tells it; --wait waits for the end."""
    execution_id = caller.submit("await new Promise(resolve => setTimeout(resolve, 300)); 7")
    waited = ask(caller, "executions", "get", execution_id, "--wait", "60")
    assert (waited.code, json.loads(waited.out)) == (0, caller.get(execution_id))
    assert json.loads(waited.out)["result"] == "7"


def test_output_is_everything_that_was_printed(caller: Caller) -> None:
    """Byte for byte, over many pages."""
    execution_id = caller.submit("for (let i = 0; i < 3000; i++) console.log('é'.repeat(500)); console.log('end\\r\\n\\t')")
    caller.ended(execution_id)
    assert ask(caller, "executions", "output", execution_id).out == caller.output(execution_id)


def test_cancel_ends_it(caller: Caller) -> None:
    """Without a word; one that has ended is a mistake, and told."""
    execution_id = caller.submit(ASLEEP)
    assert ask(caller, "executions", "cancel", execution_id) == (0, "", "")
    assert caller.ended(execution_id)["status"] == "cancelled"
    refused(ask(caller, "executions", "cancel", execution_id), "is not running (status: cancelled)")


@pytest.mark.parametrize("command", [["executions", "get"], ["executions", "output"], ["executions", "cancel"]])
def test_an_unknown_id_is_a_mistake(caller: Caller, command: list[str]) -> None:
    """Exit 2 with the daemon's words, whatever the id looks like."""
    for execution_id in (str(uuid.uuid4()), "a b?c#d", "ü"):
        refused(ask(caller, *command, execution_id), "Not found")


@pytest.mark.parametrize(
    ("url", "token", "words"),
    [
        ("http://127.0.0.1:1", "t", ["http://127.0.0.1:1", "cannot be reached"]),
        ("http://no.such.host.invalid", "t", ["no.such.host.invalid", "cannot be reached"]),
        ("ftp://127.0.0.1", "t", ["ftp://127.0.0.1"]),
        ("127.0.0.1:8000", "t", ["127.0.0.1:8000"]),
        ("", "t", ["URL"]),
        (None, "sbx_unknown", ["Invalid or expired token"]),
        (None, "a\nb", ["token"]),
        (None, "ü", ["token"]),
    ],
)
def test_a_wrong_address_or_token_is_a_mistake(caller: Caller, url: str | None, token: str, words: list[str]) -> None:
    """Exit 2, told in a line."""
    told = environment(caller)["SANDBOXD_URL"] if url is None else url
    refused(cli("executions", "list", "--url", told, "--token", token), *words)


def test_an_option_wins_over_its_variable(caller: Caller) -> None:
    """--url and --token are used, SANDBOXD_URL and SANDBOXD_TOKEN are not."""
    right = environment(caller)
    ended = cli(
        "executions", "list", "--url", right["SANDBOXD_URL"], "--token", right["SANDBOXD_TOKEN"],
        SANDBOXD_URL="http://127.0.0.1:1", SANDBOXD_TOKEN="wrong",
    )  # fmt: skip
    assert ended.code == 0


def test_without_a_token_nothing_is_asked() -> None:
    """The text names the option."""
    ended = cli("executions", "list")
    assert (ended.code, "--token" in ended.err) == (2, True)
