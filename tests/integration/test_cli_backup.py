"""sandboxd backup and sandboxd restore: the data directory copied while it is used, and put back."""

import resource
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from sandboxd import audit
from sandboxd.store.database import FILE, NEWEST, open_database
from sandboxd.store.locks import lock_directory
from tests.support.cli import cli_here, refused
from tests.support.daemon import SANDBOXD, Daemon, running_daemon
from tests.support.executing import ASLEEP, Caller
from tests.support.stored import id_of, make_token
from tests.support.upstream import response, running_upstream

CONFIG = (
    'doors = ["executions"]\n[queue]\nper_user = 100000\nrunning_percent = 100\n[pool]\nrunning = 2\nrunning_per_user = 2\n'
)
ROWS = 400
"""Rows of 16 KB: a file that takes a moment."""


@contextmanager
def submitting(caller: Caller, code: str) -> Iterator[list[str]]:
    """Two who submit without a pause for as long as the block lasts; what was accepted so far."""
    accepted: list[str] = []
    stop = threading.Event()

    def submit() -> None:
        while not stop.is_set():
            accepted.append(caller.submit(code))

    threads = [threading.Thread(target=submit) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        while len(accepted) < 10:
            stop.wait(0.01)
        yield accepted
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def backed_up(daemon: Daemon, to: Path) -> None:
    """A copy by the command, while the daemon runs."""
    ended = cli_here("backup", str(to), "--data-dir", str(daemon.data_dir))
    assert ended.code == 0, ended.err


def all_of(caller: Caller) -> set[str]:
    """The ids of all that the caller has submitted, as he sees it."""
    known, before = set[str](), ""
    while page := caller.listed(f"?limit=100{before}"):
        known |= {each["execution_id"] for each in page}
        before = f"&before={page[-1]['execution_id']}"
    return known


def test_a_copy_under_load_is_a_daemon_s_whole_directory(tmp_path: Path) -> None:
    """Tokens, what had been accepted, what had ended and its output are in the copy; what was queued runs there, once."""
    config = tmp_path / "c.toml"
    config.write_text(CONFIG)
    with running_upstream({"/ran": response(b"seen")}) as witness:
        with running_daemon(tmp_path / "data", "--config", str(config)) as daemon:
            caller = Caller(daemon, token := make_token(daemon.data_dir, "u"))
            done = caller.submit("console.log('kept'); 6 * 7")
            assert caller.ended(done)["status"] == "completed"
            asleep = [caller.submit(ASLEEP, execution_timeout_secs=300) for _ in range(2)]
            for each in asleep:  # from here on everything stays queued
                next(event for event in caller.events(each) if event.kind == "log")
            with submitting(caller, f"await fetch('{witness.url}/ran'); 42") as accepted:
                before = list(accepted)
                backed_up(daemon, tmp_path / "copy")
            daemon.stop(signal.SIGKILL)
        assert len(accepted) >= len(before) >= 10
        assert witness.seen == []
        assert cli_here("restore", str(tmp_path / "copy"), "--data-dir", str(tmp_path / "again")).code == 0
        with running_daemon(tmp_path / "again", "--config", str(config)) as daemon:
            caller = Caller(daemon, token)
            assert (caller.ended(done)["result"], caller.output(done)) == ("42", "kept\n")
            assert [caller.ended(each)["error"] for each in asleep] == ["daemon restarted"] * 2
            known = all_of(caller)
            assert set(before) - known == set()
            ends = [caller.ended(each)["status"] for each in known - {done, *asleep}]
            assert (set(ends), len(ends)) == ({"completed"}, len(witness.seen))


def test_the_copy_and_what_is_restored_are_the_owner_s_alone(tmp_path: Path) -> None:
    """Folders 0700, files 0600; the copy is the database and the audit log, and both commands say what is in it."""
    made = cli_here("token", "create", "--user", "u", "--data-dir", str(tmp_path / "data"))
    assert made.code == 0
    said = cli_here("backup", str(tmp_path / "copy"), "--data-dir", str(tmp_path / "data")).out
    assert f"0 executions, 1 tokens, schema {NEWEST}" in said
    said = cli_here("restore", str(tmp_path / "copy"), "--data-dir", str(tmp_path / "again")).out
    assert f"0 executions, 1 tokens, schema {NEWEST}" in said
    noted = (tmp_path / "data" / audit.FILE).read_bytes()
    for folder in (tmp_path / "copy", tmp_path / "again"):
        assert {path.name for path in folder.iterdir()} >= {FILE, audit.FILE}
        assert (b'"user":"u"' in noted, (folder / audit.FILE).read_bytes()) == (True, noted)
    for folder in (tmp_path / "copy", tmp_path / "again"):
        assert [path.name for path in (folder, *folder.iterdir()) if path.stat().st_mode & 0o077] == []


def test_a_copy_is_never_written_over_anything(tmp_path: Path) -> None:
    """Where there is something, be it a link to nothing, the end is exit 2 and it stays as it is."""
    make_token(tmp_path / "data", "u")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "folder").mkdir()
    before = sorted(tmp_path.iterdir())
    for name in ("file", "link", "folder"):
        refused(cli_here("backup", str(tmp_path / name), "--data-dir", str(tmp_path / "data")), str(tmp_path / name))
    assert (sorted(tmp_path.iterdir()), (tmp_path / "file").read_text()) == (before, "mine")


def test_nothing_is_put_into_a_directory_that_is_used(tmp_path: Path) -> None:
    """Neither where a daemon is, nor where something lies; no lock is left in a folder that is not ours."""
    make_token(tmp_path / "data", "u")
    assert cli_here("backup", str(tmp_path / "copy"), "--data-dir", str(tmp_path / "data")).code == 0
    with lock_directory(tmp_path / "held"):
        refused(cli_here("restore", str(tmp_path / "copy"), "--data-dir", str(tmp_path / "held")), "in use by another sandboxd")
    refused(cli_here("restore", str(tmp_path / "copy"), "--data-dir", str(tmp_path / "data")), "not empty", FILE)
    (tmp_path / "home").mkdir()
    (tmp_path / "home/letter").write_text("mine")
    refused(cli_here("restore", str(tmp_path / "copy"), "--data-dir", str(tmp_path / "home")), "not empty", "letter")
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["letter"]


def test_what_is_no_copy_is_refused_by_name(tmp_path: Path) -> None:
    """A folder without a database, one with another program's, and a data directory that is not there."""
    (tmp_path / "empty").mkdir()
    refused(cli_here("restore", str(tmp_path / "empty"), "--data-dir", str(tmp_path / "a")), "no copy", FILE)
    (tmp_path / "other").mkdir()
    with closing(sqlite3.connect(tmp_path / "other" / FILE)) as connection:
        connection.execute("CREATE TABLE songs (name)")
    refused(cli_here("restore", str(tmp_path / "other"), "--data-dir", str(tmp_path / "b")), "no database of sandboxd's")
    assert not (tmp_path / "b" / FILE).exists()
    refused(cli_here("backup", str(tmp_path / "c"), "--data-dir", str(tmp_path / "nowhere")), "nowhere", "missing")
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("place", [0, 4096 * 3], ids=["the first page", "another"])
def test_a_damaged_database_is_not_passed_on(tmp_path: Path, place: int) -> None:
    """Neither as a copy nor out of one: exit 2, the file named, and nothing left."""
    make_token(tmp_path / "data", "u")
    (tmp_path / "bad").mkdir()
    whole = (tmp_path / "data" / FILE).read_bytes()
    (tmp_path / "bad" / FILE).write_bytes(whole[:place] + b"\xa5" * 4096 + whole[place + 4096 :])
    refused(cli_here("backup", str(tmp_path / "copy"), "--data-dir", str(tmp_path / "bad")), "damaged")
    refused(cli_here("restore", str(tmp_path / "bad"), "--data-dir", str(tmp_path / "again")), "damaged")
    assert {path.name for path in tmp_path.iterdir()} == {"data", "bad", "again"}
    assert not [path for path in (tmp_path / "again").iterdir() if path.suffix != ".lock"]


def test_a_copy_of_the_first_schema_is_upgraded_when_a_daemon_starts(tmp_path: Path) -> None:
    """It is copied and restored as it is, and is of the newest once it was opened."""
    token = make_token(tmp_path / "data", "u")
    with open_database(tmp_path / "data") as database, database.write() as connection:
        for table in ("journal", "submissions", "snapshots"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    assert "schema 0001" in cli_here("backup", str(tmp_path / "copy"), "--data-dir", str(tmp_path / "data")).out
    assert "schema 0001" in cli_here("restore", str(tmp_path / "copy"), "--data-dir", str(tmp_path / "again")).out
    assert id_of(token) in cli_here("token", "list", "--data-dir", str(tmp_path / "again")).out
    with open_database(tmp_path / "again") as database, database.read() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == NEWEST


def test_a_schema_of_tomorrow_is_refused(tmp_path: Path) -> None:
    """This program cannot say that such a copy is whole."""
    make_token(tmp_path / "data", "u")
    with open_database(tmp_path / "data") as database, database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    refused(cli_here("backup", str(tmp_path / "copy"), "--data-dir", str(tmp_path / "data")), "newer sandboxd", "9999")


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_a_copy_that_does_not_fit_leaves_nothing(tmp_path: Path, command: str) -> None:
    """Files may not grow beyond a megabyte: exit 2, and no half of a copy."""
    make_token(tmp_path / "data", "u")
    with open_database(tmp_path / "data") as database, database.write() as connection:
        for row in range(ROWS):
            connection.exec_driver_sql("INSERT INTO journal VALUES ('x', ?, 0, 'log', ?, 0, 1, 0, 1)", (row, "x" * 16_384))
    before = {path.name for path in tmp_path.iterdir()}
    arguments = ["copy", "--data-dir", "data"] if command == "backup" else ["data", "--data-dir", "again"]
    done = subprocess.run(
        [*SANDBOXD, command, *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=90,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)),
    )
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert "cannot be" in done.stderr
    assert {path.name for path in tmp_path.iterdir()} - {"again"} == before
    assert [path.name for path in tmp_path.glob("again/*")] in ([], ["daemon.lock"])
