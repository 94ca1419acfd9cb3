"""The audit log: tokens, policies and walls that were run into, by the daemon and by the commands beside it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from structlog.testing import capture_logs

from sandboxd import audit
from sandboxd.audit import FILE, Audit
from sandboxd.errors import StoreError
from sandboxd.policy.model import Policy
from tests.support.cli import cli, refused
from tests.support.daemon import Daemon, Serve
from tests.support.engines import opened, run
from tests.support.held import send
from tests.support.nodes import fake_node
from tests.support.stored import executions, id_of, make_token, wait_until


def lines(data: Path | str) -> list[dict[str, Any]]:
    """The audit log of a data directory."""
    return [json.loads(line) for line in (Path(data) / FILE).read_text().splitlines()]


def facts(line: dict[str, Any]) -> dict[str, Any]:
    """A line without its time and who wrote it, which every line has."""
    assert line["timestamp"].endswith("Z")
    assert line["uid"] == os.getuid()
    return {key: value for key, value in line.items() if key not in ("timestamp", "uid")}


def test_tokens_are_noted_by_their_id(data: str) -> None:
    """Made and revoked, with whose they are and never with the token; the file is its owner's alone."""
    token = cli("token", "create", "--user", "u", "--tenant", "t", "--expires", "1", "--data-dir", data).out.strip()
    cli("token", "revoke", id_of(token), "--data-dir", data)
    refused(cli("token", "revoke", "nobody's", "--data-dir", data), "no valid token")
    refused(cli("token", "create", "--user", "u", "--tier", "gold", "--data-dir", data), "gold")
    created, revoked = map(facts, lines(data))
    assert isinstance(created.pop("expires_ms"), int)
    assert created == {"event": "token created", "token": id_of(token), "tenant": "t", "user": "u", "tier": "starter"}
    assert revoked == {"event": "token revoked", "token": id_of(token)}
    assert (Path(data) / FILE).stat().st_mode & 0o777 == 0o600
    assert token not in (Path(data) / FILE).read_text()


def test_a_token_that_cannot_be_noted_is_not_made(data: str) -> None:
    """The text names the file; the same with a revocation."""
    token = cli("token", "create", "--user", "u", "--data-dir", data).out.strip()
    (Path(data) / FILE).unlink()
    (Path(data) / FILE).mkdir()
    refused(cli("token", "create", "--user", "v", "--data-dir", data), FILE, "cannot be written")
    refused(cli("token", "revoke", id_of(token), "--data-dir", data), FILE, "cannot be written")
    (line,) = cli("token", "list", "--data-dir", data).out.splitlines()
    assert (line.split("\t")[2], line.split("\t")[5]) == ("u", "valid")


def test_the_policy_is_noted_with_the_hashes_of_its_files(serve: Serve) -> None:
    """At each start, in the file and in the log; commands append while the daemon runs."""
    daemon = serve()
    cli("token", "create", "--user", "u", "--data-dir", str(daemon.data_dir))
    loaded, created = lines(daemon.data_dir)
    assert {"tiers.toml", "profiles/code-nodes.toml", "seccomp/worker.toml"} <= loaded["sha256"].keys()
    assert (loaded["event"], created["event"]) == ("policy loaded", "token created")
    (logged,) = [json.loads(line) for line in daemon.log() if '"policy loaded"' in line]
    assert (logged["log"], logged["sha256"]) == ("audit", loaded["sha256"])


def worker_of(daemon: Daemon) -> int:
    """The worker that runs: it alone has used its CPU for a while."""
    mine = [psutil.Process(pid) for pid in daemon.family()]
    return max((each for each in mine if not each.children()), key=lambda each: each.cpu_times().user).pid


def test_a_forbidden_system_call_is_noted(serve: Serve) -> None:
    """One line for the execution, with whose it was; nothing of its code. The kernel's signal is sent by us here."""
    daemon = serve()
    client = send(daemon, make_token(daemon.data_dir, "u", tenant="t"), "const secretive = 1; for (;;) {}", timeout_ms=30_000)
    assert wait_until(lambda: psutil.Process(worker_of(daemon)).cpu_times().user > 0.3)
    os.kill(worker_of(daemon), signal.SIGSYS)
    assert wait_until(lambda: len(lines(daemon.data_dir)) == 2)
    noted = facts(lines(daemon.data_dir)[1])
    (record,) = executions(daemon.data_dir, "u")
    assert noted == {
        "event": "jail violation",
        "what": "The worker made a forbidden system call",
        "execution": record["id"],
        "profile": "code-nodes",
        "principal": ["t", "u"],
    }
    assert "secretive" not in (daemon.data_dir / FILE).read_text()
    client.close()


async def test_a_broken_protocol_is_noted_without_a_word_of_the_worker(policy: Policy, tmp_path: Path) -> None:
    """What a worker that was taken over says may be anything."""
    node = fake_node(tmp_path, 'send(READY); receive(); send(frame(\'{"type":"confidential"}\')); time.sleep(60)')
    with capture_logs() as logs:
        async with opened(policy, node=node, ahead=1) as engine:
            outcome = await run(engine, "1", user=("t", "u"))
    assert outcome.failure is not None
    assert outcome.failure.message.startswith("The worker broke the protocol")
    (noted,) = [line for line in logs if line.get("log") == "audit"]
    assert (noted["what"], "confidential" in str(noted)) == ("The worker broke the protocol", False)


async def test_an_honest_end_is_not_noted(policy: Policy) -> None:
    """A result, an error, a timeout, a memory limit, an end of the process."""
    with capture_logs() as logs:
        async with opened(policy, ahead=1) as engine:
            for code in ("return 1", "throw 1", "for (;;) {}", "const a = []; for (;;) a.push(new Array(1e6).fill(1.5))"):
                await run(engine, code, wall_ms=1000)
    assert [line for line in logs if line.get("log") == "audit"] == []


def test_the_daemon_goes_on_where_nothing_can_be_noted(tmp_path: Path) -> None:
    """It is told in the log, with what was to be noted; a command is refused instead."""
    (tmp_path / FILE).mkdir()
    with capture_logs() as logs:
        Audit(tmp_path).note("policy loaded", sha256={})
    assert [line["event"] for line in logs] == ["policy loaded", "not in the audit log"]
    assert FILE in logs[1]["why"]
    with pytest.raises(StoreError, match=FILE):
        audit.append(tmp_path, "token revoked", token="x")


FULL = """
import resource, sys
from pathlib import Path
from sandboxd import audit
audit.append(Path(sys.argv[1]), "first")
resource.setrlimit(resource.RLIMIT_FSIZE, (200, resource.RLIM_INFINITY))  # room for half a line more
try:
    audit.append(Path(sys.argv[1]), "second", filling="x" * 200)
except audit.StoreError as problem:
    print(problem)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
audit.append(Path(sys.argv[1]), "third")
"""


def test_half_a_line_is_taken_back(tmp_path: Path) -> None:
    """Where there is no room for all of it; what comes next is not joined to it."""
    done = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout == f"The audit log {tmp_path / FILE} cannot be written: the disk is full\n"
    assert [line["event"] for line in lines(tmp_path)] == ["first", "third"]


WRITER = """
import sys
from pathlib import Path
from sandboxd import audit
for n in range(200):
    audit.append(Path(sys.argv[1]), "event", writer=int(sys.argv[2]), n=n, filling="x" * 2000)
"""


def test_lines_of_many_writers_are_whole(tmp_path: Path) -> None:
    """Four processes at once: no line is lost, cut or mixed with another."""
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(n)]) for n in range(4)]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    assert sorted((line["writer"], line["n"]) for line in lines(tmp_path)) == [(w, n) for w in range(4) for n in range(200)]
