"""The ledger and kill -9: a real process takes, says so, and is killed at some moment."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import select

from sandboxd.store.database import open_database
from sandboxd.store.schema import executions

ROOT = Path(__file__).parents[2]

# Prints "take ID" inside the block (committed, running), "answer ID" after it and "refused" when the quota says no. Each line
# is one write, whole or not there: print() makes several of it where PYTHONUNBUFFERED is set, and the kill falls between them.
TAKER = """if True:
    import os, sys, uuid
    from functools import partial
    from pathlib import Path
    import trio
    from sandboxd.errors import QuotaExceeded
    from sandboxd.executions.ledger import open_ledger
    from sandboxd.models import Principal, Status
    from sandboxd.policy.quota import Quota
    from sandboxd.store.database import open_database
    from sandboxd.store.group_commit import open_group_commit
    from sandboxd.store.queries import Opening

    def say(word, id=""):
        os.write(1, f"{word} {id}\\n".encode())

    async def take(ledger, quota, count):
        for _ in range(count):
            opening = Opening(uuid.uuid4().hex, "code_nodes", "default", "0" * 64)
            try:
                async with ledger.take(Principal("acme", "ann", "starter"), quota, opening) as take:
                    take.started()
                    say("take", take.id)
                    await trio.sleep(0.001)
                    take.close(Status.succeeded)
                say("answer", take.id)
            except QuotaExceeded:
                say("refused")

    async def main(directory, hourly, tasks, count):
        with open_database(Path(directory)) as database:
            async with open_group_commit(database) as group:
                ledger = await open_ledger(group, database)
                async with trio.open_nursery() as nursery:
                    for _ in range(tasks):
                        nursery.start_soon(take, ledger, Quota(hourly=hourly or None), count)

    trio.run(main, sys.argv[1], *map(int, sys.argv[2:]))
"""


def taker(directory: Path, *, hourly: int, tasks: int, count: int) -> subprocess.Popen[str]:
    arguments = map(str, (directory, hourly, tasks, count))
    return subprocess.Popen(
        [sys.executable, "-c", TAKER, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def said(process: subprocess.Popen[str], kill_after: int | None = None) -> dict[str, list[str]]:
    """What the process printed, by first word; killed after so many lines."""
    lines: dict[str, list[str]] = {"take": [], "answer": [], "refused": []}
    with process:
        assert process.stdout
        for number, line in enumerate(process.stdout):
            word, _, rest = line.strip().partition(" ")
            lines[word].append(rest)
            if number == kill_after:
                time.sleep(number % 7 / 1000)  # not always at the same place of a commit
                process.kill()
    return lines


def stored(directory: Path) -> dict[str, str]:
    with open_database(directory) as database, database.read() as connection:
        return {row.id: row.status for row in connection.execute(select(executions).where(executions.c.counted))}


@pytest.mark.parametrize("kill_after", [0, 5, 33, 100, 256])
def test_a_kill_forgets_nothing(tmp_path: Path, kill_after: int) -> None:
    """Every take that began before a kill -9 is in the database afterwards, and no more than were under way besides."""
    lines = said(taker(tmp_path, hourly=0, tasks=8, count=10_000), kill_after)
    after = stored(tmp_path)
    assert set(lines["take"]) <= set(after)
    assert len(set(after) - set(lines["take"])) <= 8


def test_a_quota_is_exact_across_a_kill(tmp_path: Path) -> None:
    """120 calls against 100 an hour with a kill -9 in the middle: answers and calls in flight at the kill make 100."""
    before = said(taker(tmp_path, hourly=100, tasks=1, count=120), kill_after=81)
    in_flight = set(stored(tmp_path)) - set(before["answer"])
    after = said(taker(tmp_path, hourly=100, tasks=1, count=120 - len(before["answer"])))
    assert len(in_flight) <= 1
    assert len(before["answer"]) + len(in_flight) + len(after["answer"]) == 100
    assert len(stored(tmp_path)) == 100


def test_what_ran_at_the_kill_ends_as_crashed(tmp_path: Path) -> None:
    """After the restart nothing is left running."""
    said(taker(tmp_path, hourly=0, tasks=8, count=10_000), kill_after=50)
    said(taker(tmp_path, hourly=0, tasks=1, count=1))
    assert "crashed" in stored(tmp_path).values()
    assert "running" not in stored(tmp_path).values()
