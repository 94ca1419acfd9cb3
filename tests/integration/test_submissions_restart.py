"""Submitted executions over the end of a daemon: a stop, a kill, a store that fails."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import trio
from structlog.testing import capture_logs

from sandboxd.executions.submissions import Submissions
from sandboxd.models import Status
from sandboxd.policy.model import Policy
from sandboxd.store.database import NEWEST, open_database
from tests.support.engines import until
from tests.support.submissions import ANN, BOB, FOREVER, end_of, open_house, opened_engine, output_of, policy_of, submit

ROOT = Path(__file__).parents[2]

# Submits two that run for ever and four that wait, says the ids once they are answered and the first two have printed.
HOUSE = """if True:
    import os, sys
    from pathlib import Path
    import trio
    from sandboxd.config import Settings
    from sandboxd.executions.engine import read_policy
    from tests.support.submissions import ANN, FOREVER, open_house, opened_engine, output_of, policy_of, submit

    async def main(directory):
        policy = policy_of(read_policy(Settings()), concurrent=2)
        async with opened_engine(policy) as engine, open_house(directory, engine) as (submissions, _):
            ids = [await submit(submissions, FOREVER) for _ in range(2)]
            ids += [await submit(submissions, f"return {n}", key=str(n)) for n in range(4)]
            while not all([await output_of(submissions, each) for each in ids[:2]]):
                await trio.sleep(0.01)
            os.write(1, (" ".join(ids) + "\\n").encode())
            await trio.sleep_forever()

    trio.run(main, Path(sys.argv[1]))
"""


async def begun(submissions: Submissions, execution_id: str) -> None:
    """Waits until it has printed something."""
    async with submissions.events(ANN, execution_id) as events:
        while (await anext(events)).kind != "log":
            pass


async def kinds_of(submissions: Submissions, execution_id: str) -> list[str]:
    async with submissions.events(ANN, execution_id) as events:
        return [event.kind async for event in events]


def killed_house(directory: Path) -> list[str]:
    """The ids of a life that was ended by a kill."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOUSE, str(directory)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    with process:
        assert process.stdout
        ids = process.stdout.readline().split()
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    return ids


async def test_a_kill_loses_nothing_and_repeats_nothing(tmp_path: Path, policy: Policy) -> None:
    """What had begun ends with the reason and what it had printed; what was queued runs, in its order, once."""
    ids = await trio.to_thread.run_sync(killed_house, tmp_path)
    async with opened_engine(policy_of(policy, concurrent=1)) as engine, open_house(tmp_path, engine) as (submissions, _):
        assert await submit(submissions, "return 2", key="2") == ids[4]
        for execution_id in ids[:2]:
            found = await end_of(submissions, execution_id)
            assert found.failure is not None
            assert (found.status, found.failure.kind, found.failure.message) == (Status.crashed, "restart", "daemon restarted")
            assert await output_of(submissions, execution_id) == "begun\n"
            assert await kinds_of(submissions, execution_id) == ["queued", "started", "log", "finished"]
        ends = [await end_of(submissions, each) for each in ids[2:]]
        assert [each.result for each in ends] == ["0", "1", "2", "3"]
        starts = [each.started_ms or 0 for each in ends]
        assert starts == sorted(starts)
        for execution_id in ids[2:]:
            assert await kinds_of(submissions, execution_id) == ["queued", "started", "finished"]


async def test_a_stop_ends_what_runs_and_keeps_what_is_queued(tmp_path: Path, policy: Policy) -> None:
    """The first is told why it ended; the second runs in the next life."""
    async with opened_engine(policy_of(policy, concurrent=1)) as engine:
        async with open_house(tmp_path, engine) as (submissions, _):
            running, queued = await submit(submissions, FOREVER), await submit(submissions, "return 1")
            await begun(submissions, running)
        async with open_house(tmp_path, engine) as (submissions, _):
            stopped = await submissions.get(ANN, running)
            assert stopped.failure is not None
            assert (stopped.status, stopped.failure.message) == (Status.crashed, "daemon stopped")
            assert await output_of(submissions, running) == "begun\n"
            assert (await end_of(submissions, queued)).result == "1"


async def test_a_tier_that_is_gone_ends_what_was_queued_under_it(tmp_path: Path, policy: Policy) -> None:
    """The policy of the next life decides; nothing waits for ever, and it counts against nothing."""
    async with opened_engine(policy_of(policy, concurrent=1)) as engine, open_house(tmp_path, engine) as (submissions, _):
        running, queued = await submit(submissions, FOREVER), await submit(submissions, "return 1")
        await begun(submissions, running)
    async with opened_engine(policy) as engine, open_house(tmp_path, engine) as (submissions, base):
        found = await end_of(submissions, queued)
        assert found.failure is not None
        assert (found.status, found.failure.name) == (Status.crashed, "SubscriptionRequired")
        with base.read() as connection:
            counted = connection.exec_driver_sql("SELECT counted FROM executions WHERE id = ?", (queued,)).scalar()
        assert counted == 0


async def test_a_store_that_fails_ends_the_execution(tmp_path: Path, policy: Policy) -> None:
    """Output that cannot be written ends what printed it, which is told as soon as it can be; nobody else is touched."""
    refuse = "CREATE TRIGGER full BEFORE INSERT ON journal WHEN NEW.data LIKE 'lost%' BEGIN SELECT RAISE(ABORT, 'full'); END"
    async with opened_engine(policy_of(policy)) as engine, open_house(tmp_path, engine) as (submissions, base):
        other = await submit(submissions, FOREVER, BOB)
        with base.write() as connection:
            connection.exec_driver_sql(refuse)
        with capture_logs() as logs:
            execution_id = await submit(submissions, "console.log('lost?'); " + FOREVER)
            await until(lambda: any(entry["event"] == "an end cannot be written" for entry in logs))
            assert (await submissions.get(ANN, execution_id)).status is Status.running
            with base.write() as connection:
                connection.exec_driver_sql("DROP TRIGGER full")
            found = await end_of(submissions, execution_id)
        assert found.failure is not None
        assert (found.status, found.failure.name) == (Status.crashed, "StoreError")
        assert (await output_of(submissions, execution_id)).startswith("lost?\n")
        assert await kinds_of(submissions, execution_id) == ["queued", "started", "log", "finished"]
        assert (await submissions.get(BOB, other)).status is Status.running


def test_a_directory_of_the_first_schema_is_upgraded(tmp_path: Path) -> None:
    """Tokens and records are as they were, and submissions can be kept beside them."""
    with open_database(tmp_path) as database, database.write() as connection:
        run = connection.exec_driver_sql
        for table in ("journal", "submissions", "snapshots"):
            run(f"DROP TABLE {table}")
        run("UPDATE alembic_version SET version_num = '0001'")
        run("INSERT INTO tokens VALUES ('h', 'i', 't', 'u', 'starter', 1, NULL, NULL)")
        for place, status in enumerate(("running", "succeeded")):
            run(
                "INSERT INTO executions (id, door, tenant, user, tier, profile, status, code_sha256, counted, started_ms)"
                f" VALUES ('x{place}', 'code-nodes', 't', 'u', 'starter', 'code-nodes', '{status}', '', 1, {place})"
            )
        before = [run(f"SELECT * FROM {table}").all() for table in ("tokens", "executions")]
    with open_database(tmp_path) as database, database.read() as connection:
        run = connection.exec_driver_sql
        assert [run(f"SELECT * FROM {table}").all() for table in ("tokens", "executions")] == before
        assert run("SELECT count(*) FROM submissions").scalar() == 0
        assert run("SELECT version_num FROM alembic_version").scalar() == NEWEST
