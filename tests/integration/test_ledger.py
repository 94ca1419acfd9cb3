"""The ledger on a real database, with a clock that the test moves."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
from sqlalchemy import Row, select

from sandboxd.auth.tokens import hash_token, new_token, token_id
from sandboxd.errors import InvalidToken, NoCapacity, QuotaExceeded, StoreError
from sandboxd.executions.ledger import Ledger, open_ledger
from sandboxd.models import Principal, Status, Usage
from sandboxd.policy.quota import Quota
from sandboxd.store.database import Database, open_database
from sandboxd.store.group_commit import open_group_commit
from sandboxd.store.queries import Opening, StoredToken, insert_token, revoke_token
from sandboxd.store.schema import executions

ANN = Principal("acme", "ann", "starter")
START = 1_700_000_000.0
UNLIMITED = Quota()


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


House = tuple[Ledger, Database, Clock]


@asynccontextmanager
async def open_house(directory: Path) -> AsyncIterator[House]:
    clock = Clock()
    with open_database(directory) as database:
        async with open_group_commit(database) as group:
            yield await open_ledger(group, database, clock), database, clock


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as opened:
        yield opened


def opening(number: object = 1) -> Opening:
    return Opening(f"x{number}", "code_nodes", "default", "0" * 64)


def rows(database: Database) -> list[Row[tuple[object, ...]]]:
    with database.read() as connection:
        return list(connection.execute(select(executions)))


async def run(ledger: Ledger, quota: Quota, number: object, principal: Principal = ANN) -> None:
    """One execution that succeeds at once."""
    async with ledger.take(principal, quota, opening(number)) as take:
        take.started()
        take.close(Status.succeeded)


async def flushed(ledger: Ledger) -> None:
    """Wait until what was posted so far is committed."""
    await ledger._group.submit(lambda _: None)


# ---------------------------------------------------------------- tokens


async def test_a_token_names_its_bearer_until_it_is_revoked(house: House) -> None:
    """A revocation by another connection holds from the next call on."""
    ledger, database, _ = house
    token = new_token()
    token_hash = hash_token(token)
    with database.write() as connection:
        insert_token(connection, StoredToken(token_hash, token_id(token_hash), "acme", "ann", "starter", 0))
    assert await ledger.principal(token) == ANN
    with database.write() as connection:
        revoke_token(connection, token_id(token_hash), now_ms=int(START * 1000))
    with pytest.raises(InvalidToken):
        await ledger.principal(token)


# ---------------------------------------------------------------- takes


async def test_the_row_is_committed_before_the_body(house: House) -> None:
    """Inside the block another connection sees the execution running, whether anything is limited or not."""
    ledger, database, _ = house
    async with ledger.take(ANN, UNLIMITED, opening()):
        (row,) = rows(database)
    assert (row.status, row.counted, row.started_ms) == ("running", True, int(START * 1000))


async def test_closing_writes_the_record(house: House) -> None:
    """Status, usage and error name are in the row soon after the block."""
    ledger, database, clock = house
    async with ledger.take(ANN, UNLIMITED, opening()) as take:
        take.started()
        clock.now += 2
        take.close(Status.failed, Usage(cpu_ms=1.5, memory_bytes=4096, wall_ms=2000.0), error_name="TypeError")
    await flushed(ledger)
    (row,) = rows(database)
    assert (row.status, row.counted, row.finished_ms - row.started_ms) == ("failed", True, 2000)
    assert (row.cpu_ms, row.memory_bytes, row.wall_ms, row.error_name) == (1.5, 4096, 2000.0, "TypeError")


async def test_parallel_takes_are_exact(house: House) -> None:
    """Of 300 takes at the same moment against a quota of 100 exactly 100 run."""
    ledger, database, _ = house
    ran: list[int] = []
    refused: list[QuotaExceeded] = []

    async def attempt(number: int) -> None:
        try:
            await run(ledger, Quota(hourly=100), number)
            ran.append(number)
        except QuotaExceeded as error:
            refused.append(error)

    async with trio.open_nursery() as nursery:
        for number in range(300):
            nursery.start_soon(attempt, number)
    assert (len(ran), len(refused), len(rows(database))) == (100, 200, 100)
    assert {error.limit for error in refused} == {"hourly"}


async def test_slots_are_exact(house: House) -> None:
    """Of 20 takes that stay open, five are let in and fifteen are refused by `concurrent`."""
    ledger, _, _ = house
    refused: list[str] = []
    all_refused = trio.Event()

    async def attempt(number: int) -> None:
        try:
            async with ledger.take(ANN, Quota(concurrent=5), opening(number)):
                await trio.sleep_forever()
        except QuotaExceeded as error:
            refused.append(error.limit)
            if len(refused) == 15:
                all_refused.set()

    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(attempt, number)
        with trio.fail_after(10):
            await all_refused.wait()
        assert ledger.running(ANN) == 5
        nursery.cancel_scope.cancel()
    assert refused == ["concurrent"] * 15


async def test_windows_roll(house: House) -> None:
    """A refused caller is let in exactly when the oldest start is an hour old, and not a millisecond earlier."""
    ledger, _, clock = house
    quota = Quota(hourly=2)
    await run(ledger, quota, 1)
    clock.now += 600
    await run(ledger, quota, 2)
    clock.now = START + 3600 - 0.001
    with pytest.raises(QuotaExceeded) as refusal:
        await run(ledger, quota, 3)
    assert refusal.value.retry_after == 1
    clock.now = START + 3600
    await run(ledger, quota, 4)


async def test_a_refusal_says_all_a_client_needs(house: House) -> None:
    """The limit, how much it allows, when to come back, and the windows for the headers."""
    ledger, _, clock = house
    quota = Quota(concurrent=5, hourly=1, daily=10)
    await run(ledger, quota, 1)
    clock.now += 100
    with pytest.raises(QuotaExceeded) as refusal:
        await run(ledger, quota, 2)
    error = refusal.value
    assert (error.limit, error.allowed, error.retry_after) == ("hourly", 1, 3500)
    assert error.windows == (("hourly", 1, 3600), ("daily", 10, 86_400))


async def test_a_refusal_leaves_nothing(house: House) -> None:
    """Neither a row nor a slot is left of a refused take."""
    ledger, database, _ = house
    with pytest.raises(QuotaExceeded):
        await run(ledger, Quota(hourly=0), 1)
    assert (rows(database), ledger.running(ANN)) == ([], 0)


async def test_the_longest_wait_is_named_when_the_slots_are_full_too(house: House) -> None:
    """With all slots and the hour used up it is the hour that the caller is told."""
    ledger, _, _ = house
    quota = Quota(concurrent=1, hourly=1)
    async with ledger.take(ANN, quota, opening(1)):
        with pytest.raises(QuotaExceeded) as refusal:
            await run(ledger, quota, 2)
    assert refusal.value.limit == "hourly"


async def test_users_do_not_share_a_quota(house: House) -> None:
    """Another user of the tenant, and the same name in another tenant, have quotas of their own."""
    ledger, database, _ = house
    quota = Quota(concurrent=1, hourly=1)
    for number, principal in enumerate((ANN, Principal("acme", "bob", "starter"), Principal("other", "ann", "starter"))):
        await run(ledger, quota, number, principal)
    assert len(rows(database)) == 3


async def test_validation_takes_a_slot_only(house: House) -> None:
    """A slot is refused by `concurrent` while it is held and writes no row."""
    ledger, database, _ = house
    quota = Quota(concurrent=1, hourly=0)
    async with ledger.slot(ANN, quota):
        with pytest.raises(QuotaExceeded) as refusal:
            await ledger.slot(ANN, quota).__aenter__()
    assert (refusal.value.limit, refusal.value.retry_after) == ("concurrent", 1)
    assert (rows(database), ledger.running(ANN)) == ([], 0)


# ---------------------------------------------------------------- ways out of the block


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
