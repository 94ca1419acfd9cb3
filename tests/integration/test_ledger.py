"""The ledger's takes: who is let in, what is on disk by then, and what a refusal says."""

from random import Random

import pytest
import trio

from sandboxd.auth.tokens import hash_token, new_token, token_id
from sandboxd.errors import InvalidToken, QuotaExceeded
from sandboxd.models import Principal, Status, Usage
from sandboxd.policy.quota import Quota, windows
from sandboxd.store import queries
from sandboxd.store.queries import StoredToken, insert_token, revoke_token
from tests.support.ledger import ANN, START, UNLIMITED, House, flushed, opening, rows, run


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


async def test_the_window_that_frees_last_is_named(house: House) -> None:
    """With the hour and the month used up it is the month; the clock stands in the middle of one."""
    ledger, _, _ = house
    quota = Quota(hourly=1, monthly=1)
    await run(ledger, quota, 1)
    with pytest.raises(QuotaExceeded) as refusal:
        await run(ledger, quota, 2)
    assert refusal.value.limit == "monthly"


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


@pytest.mark.parametrize("seed", range(6))
async def test_what_was_counted_before_changes_no_answer(house: House, seed: int) -> None:
    """Whatever came before, of whichever tier and however the clock went, a take is refused just when a window is full."""
    ledger, database, clock = house
    dice = Random(seed)
    quotas = [Quota(hourly=7, daily=20), Quota(hourly=12, daily=15, monthly=60), Quota()]
    for number in range(250):
        clock.now += dice.choice([0, 0, 1, 30, 400, 3000, -200])
        quota = dice.choice(quotas)
        now_ms = int(clock.now * 1000)
        starts = [row.started_ms for row in rows(database) if row.counted]
        full = any(sum(at > each.since_ms for at in starts) >= each.allowed for each in windows(quota, now_ms))
        try:
            async with ledger.take(ANN, quota, opening(number)) as take:
                assert not full
                if dice.random() < 0.8:
                    take.started()
                    take.close(Status.succeeded)
        except QuotaExceeded:
            assert full


async def test_who_is_far_from_a_limit_is_not_counted_each_time(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """One count is good for as many takes as there was room."""
    ledger, _, _ = house
    counts: list[object] = []
    count = queries.count_starts
    monkeypatch.setattr(queries, "count_starts", lambda *args, **more: [counts.append(1), count(*args, **more)][1])
    for number in range(40):
        await run(ledger, Quota(hourly=40), number)
    assert len(counts) == 1
