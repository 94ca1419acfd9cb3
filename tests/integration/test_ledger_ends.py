"""The ways out of a take: what each leaves in the database and in the quota."""

import random
from pathlib import Path

import pytest
import trio

from sandboxd.errors import NoCapacity, QuotaExceeded, StoreError
from sandboxd.models import Status
from sandboxd.policy.quota import Quota
from sandboxd.store.database import open_database
from tests.support.ledger import ANN, START, UNLIMITED, House, flushed, open_house, opening, rows, run


async def test_giving_back_leaves_nothing(house: House) -> None:
    """After a refused lease there is no row, and the quota has its place again."""
    ledger, database, _ = house
    async with ledger.take(ANN, Quota(hourly=1), opening(1)) as take:
        take.give_back()
    assert rows(database) == []
    await run(ledger, Quota(hourly=1), 2)


async def test_a_failure_before_the_run_gives_back(house: House) -> None:
    """An exception before the worker was told to run gives the take back before it reaches the caller."""
    ledger, database, _ = house
    with pytest.raises(NoCapacity):
        async with ledger.take(ANN, UNLIMITED, opening()):
            raise NoCapacity(retry_after=1)
    assert (rows(database), ledger.running(ANN)) == ([], 0)


async def test_a_rejected_execution_is_kept_and_not_counted(house: House) -> None:
    """A finding of the validation is a record that costs nothing, as soon as the block is left."""
    ledger, database, _ = house
    async with ledger.take(ANN, Quota(hourly=1), opening(1)) as take:
        take.reject("DangerousPattern")
    (row,) = rows(database)
    assert (row.status, row.counted, row.error_name) == ("rejected", False, "DangerousPattern")
    await run(ledger, Quota(hourly=1), 2)


async def test_the_first_end_wins(house: House) -> None:
    """What a take is told after its end changes nothing."""
    ledger, database, _ = house
    async with ledger.take(ANN, UNLIMITED, opening()) as take:
        take.started()
        take.close(Status.timed_out)
        take.close(Status.succeeded)
        take.reject()
        take.give_back()
    await flushed(ledger)
    (row,) = rows(database)
    assert (row.status, row.counted) == ("timed_out", True)


async def test_a_cancelled_run_counts(house: House) -> None:
    """Cancelled after the worker was told to run, the row ends `cancelled` and stays in the quota."""
    ledger, database, _ = house
    with trio.CancelScope() as scope:
        async with ledger.take(ANN, UNLIMITED, opening()) as take:
            take.started()
            scope.cancel()
            await trio.sleep_forever()
    await flushed(ledger)
    (row,) = rows(database)
    assert (row.status, row.counted, ledger.running(ANN)) == ("cancelled", True, 0)


@pytest.mark.parametrize("failure", [True, False], ids=["an exception", "no end"])
async def test_a_run_without_an_end_crashed(house: House, failure: bool) -> None:
    """A told worker and a block left by our own failure, or without an end, is `crashed` and counts."""
    ledger, database, _ = house
    try:
        async with ledger.take(ANN, UNLIMITED, opening()) as take:
            take.started()
            if failure:
                raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    await flushed(ledger)
    (row,) = rows(database)
    assert (row.status, row.counted) == ("crashed", True)


async def test_an_unwritable_take_runs_nothing(house: House) -> None:
    """When the row cannot be committed the body is never entered and the slot is free."""
    ledger, database, _ = house
    with database.write() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER full BEFORE INSERT ON executions BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END"
        )
    entered = False
    with pytest.raises(StoreError, match="disk I/O error"):
        async with ledger.take(ANN, UNLIMITED, opening()):
            entered = True
    assert (entered, ledger.running(ANN)) == (False, 0)


@pytest.mark.parametrize("seed", range(10))
async def test_cancellation_anywhere_keeps_the_books(house: House, seed: int) -> None:
    """However 60 takes are cancelled, no slot is left and exactly those that started are counted, none running."""
    ledger, database, _ = house
    dice = random.Random(seed)
    started: set[str] = set()

    async def attempt(number: int, patience: int) -> None:
        async with trio.open_nursery() as nursery:

            async def impatient() -> None:
                for _ in range(patience):
                    await trio.sleep(0.0001 if dice.random() < 0.3 else 0)
                nursery.cancel_scope.cancel()

            nursery.start_soon(impatient)
            async with ledger.take(ANN, Quota(hourly=40), opening(number)) as take:
                for _ in range(dice.randrange(3)):
                    await trio.lowlevel.checkpoint()
                started.add(take.id)
                take.started()
                for _ in range(dice.randrange(3)):
                    await trio.lowlevel.checkpoint()
                take.close(Status.succeeded)
            nursery.cancel_scope.cancel()

    async def tolerant(number: int, patience: int) -> None:
        try:
            await attempt(number, patience)
        except* QuotaExceeded:
            pass

    async with trio.open_nursery() as nursery:
        for number in range(60):
            nursery.start_soon(tolerant, number, dice.randrange(60))
    await flushed(ledger)
    assert ledger.running(ANN) == 0
    assert {row.id for row in rows(database) if row.counted} == started
    assert {row.status for row in rows(database)} <= {"succeeded", "cancelled"}


async def test_orphans_are_closed_at_the_start(tmp_path: Path) -> None:
    """What an earlier life left running is `crashed` when the next one opens, and still counts."""
    with open_database(tmp_path) as database, database.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO executions (id, door, tenant, user, tier, profile, status, code_sha256, counted, started_ms) "
            "VALUES ('old', 'd', 'acme', 'ann', 'starter', 'p', 'running', '', 1, ?)",
            (int(START * 1000) - 1,),
        )
    async with open_house(tmp_path) as (ledger, database, _):
        assert [row.status for row in rows(database)] == ["crashed"]
        with pytest.raises(QuotaExceeded):
            await run(ledger, Quota(hourly=1), 1)
