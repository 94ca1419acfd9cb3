"""Executions that run by themselves, in real workers: submitted, watched while they run, cancelled."""

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
import trio

from sandboxd.errors import BadRequest, NotFound, NotRunning, QuotaExceeded, SubscriptionRequired
from sandboxd.executions.engine import Engine
from sandboxd.executions.submissions import Event, Submissions
from sandboxd.models import Principal, Status
from sandboxd.policy.model import Policy
from sandboxd.store.database import Database
from tests.support.engines import until, worker_pids
from tests.support.submissions import ANN, BOB, FOREVER, end_of, open_house, opened_engine, output_of, policy_of, submit

House = tuple[Submissions, Database]


@pytest.fixture
async def house(tmp_path: Path, policy: Policy) -> AsyncIterator[House]:
    """An engine of four slots and the submissions on it, without a quota."""
    async with opened_engine(policy_of(policy)) as engine, open_house(tmp_path, engine) as opened:
        yield opened


async def events_of(submissions: Submissions, execution_id: str, after: int = 0) -> list[Event]:
    async with submissions.events(ANN, execution_id, after) as events:
        return [event async for event in events]


async def begun(submissions: Submissions, execution_id: str, principal: Principal = ANN) -> None:
    """Waits until it has printed something."""
    async with submissions.events(principal, execution_id) as events:
        while (await anext(events)).kind != "log":
            pass


async def test_what_is_submitted_runs(house: House) -> None:
    """Its result, its times, its limits and its usage are told when it has ended."""
    submissions, _ = house
    execution_id = await submit(submissions, "console.log('one'); console.warn('two'); return {a: 1}", wall_ms=2000)
    found = await end_of(submissions, execution_id)
    assert (found.id, found.status, found.result, found.failure) == (execution_id, Status.succeeded, '{"a":1}', None)
    assert found.started_ms is not None
    assert found.finished_ms is not None
    assert found.submitted_ms <= found.started_ms <= found.finished_ms
    assert (found.wall_ms, found.memory_bytes, found.waiting) == (2000, 128 << 20, None)
    assert found.usage is not None
    assert found.usage.cpu_ms > 0
    assert await output_of(submissions, execution_id) == "one\n[WARN] two\n"


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("throw new Error('no')", Status.failed, "error"),
        ("for (;;) ;", Status.timed_out, "timeout"),
        ("return 'x'.repeat(2 << 20)", Status.output_exceeded, "result_too_large"),
        ("const a = []; for (;;) a.push(new Array(1e6).fill(0.5))", Status.memory_exceeded, "memory"),
    ],
)
async def test_every_end_has_its_status_and_its_reason(house: House, code: str, status: Status, kind: str) -> None:
    """And what was printed before is there."""
    submissions, _ = house
    execution_id = await submit(submissions, f"console.log('before'); {code}", wall_ms=2000 if kind == "timeout" else 20_000)
    found = await end_of(submissions, execution_id)
    assert found.failure is not None
    assert (found.status, found.failure.kind, found.result) == (status, kind, None)
    assert await output_of(submissions, execution_id) == "before\n"


async def test_output_is_there_while_the_code_runs(house: House) -> None:
    """What was printed is seen before the end, by page and by event, and the end is not there yet."""
    submissions, _ = house
    execution_id = await submit(submissions, FOREVER)
    await begun(submissions, execution_id)
    page = await submissions.lines(ANN, execution_id, 0, 100)
    assert (page.data, page.status, page.has_more, page.total_lines) == ("begun\n", Status.running, False, 1)
    async with submissions.events(ANN, execution_id) as events:
        kinds = [(await anext(events)).kind for _ in range(3)]
    assert kinds == ["queued", "started", "log"]
    await submissions.cancel(ANN, execution_id)


async def test_events_tell_all_that_happened(house: House) -> None:
    """From the queue to the end, in order; whoever comes back with the last number he has seen gets the rest."""
    submissions, _ = house
    code = "for (let i = 0; i < 3; i++) { console.log(i); await new Promise(resolve => setTimeout(resolve, 120)) } return 1"
    execution_id = await submit(submissions, code)
    events = await events_of(submissions, execution_id)
    numbers = [event.number for event in events]
    assert [kind for kind, _ in itertools.groupby(event.kind for event in events)] == ["queued", "started", "log", "finished"]
    assert numbers == sorted(set(numbers))
    assert bytes(events[-1].data) == b'{"status":"succeeded"}'
    for seen in (0, 1, 2, 3, numbers[-1], 99):
        assert await events_of(submissions, execution_id, seen) == [event for event in events if event.number > seen]


async def test_every_watcher_sees_every_event(house: House) -> None:
    """Twenty who watch one execution from its beginning, one of them slowly."""
    submissions, _ = house
    code = "for (let i = 0; i < 8; i++) { console.log(i); await new Promise(resolve => setTimeout(resolve, 60)) }"
    execution_id = await submit(submissions, code)
    seen: list[list[int]] = []

    async def watch(pause_s: float) -> None:
        numbers = []
        async with submissions.events(ANN, execution_id) as events:
            async for event in events:
                numbers.append(event.number)
                await trio.sleep(pause_s)
        seen.append(numbers)

    async with trio.open_nursery() as nursery:
        for place in range(20):
            nursery.start_soon(watch, 0.2 if place == 0 else 0)
    everything = [event.number for event in await events_of(submissions, execution_id)]
    assert seen == [everything] * 20


async def test_a_large_output_is_cut_at_the_limit(house: House) -> None:
    """The rest is dropped, the code goes on, and the last line says so."""
    submissions, _ = house
    code = "for (let i = 0; i < 20; i++) console.log('é'.repeat(40000)); return 'went on'"
    execution_id = await submit(submissions, code)
    assert (await end_of(submissions, execution_id)).result == '"went on"'
    whole, offset = "", 0
    while True:
        page = await submissions.bytes(ANN, execution_id, offset, 100_001)
        whole, offset = whole + page.data, page.next_byte_offset
        if not page.has_more:
            break
    text, mark = whole[:-1].rsplit("\n", 1)
    assert (mark, page.truncated) == ("[output cut: more than 1048576 bytes]", True)
    assert (1 << 20) - 2 <= len((text + "\n").encode()) <= (1 << 20) + 1
    assert set(text) == {"é", "\n"}
    kinds = [event.kind for event in await events_of(submissions, execution_id)]
    assert kinds.count("output_full") == 1
    assert len(kinds) > 16  # pieces of 64 KB


async def test_a_cut_is_seen_while_the_code_runs(house: House) -> None:
    """Whoever watches is told at once that nothing more will come."""
    submissions, _ = house
    execution_id = await submit(submissions, "console.log('x'.repeat(2 << 20)); " + FOREVER)
    async with submissions.events(ANN, execution_id) as events:
        while (await anext(events)).kind != "output_full":
            pass
    page = await submissions.bytes(ANN, execution_id, 1 << 20, 100)
    assert (page.status, page.truncated, page.has_more) == (Status.running, True, False)
    assert page.data.endswith("[output cut: more than 1048576 bytes]\n")
    await submissions.cancel(ANN, execution_id)


async def test_a_running_one_is_cancelled(house: House) -> None:
    """Its worker is dead when the call returns, it counts, and it cannot be cancelled twice."""
    submissions, _ = house
    execution_id = await submit(submissions, FOREVER)
    await begun(submissions, execution_id)
    before = set(worker_pids())
    await submissions.cancel(ANN, execution_id)
    found = await submissions.get(ANN, execution_id)
    assert (found.status, found.failure and found.failure.message) == (Status.cancelled, "Cancelled by user")
    assert len([pid for pid in before if psutil.pid_exists(pid)]) < len(before)
    assert await output_of(submissions, execution_id) == "begun\n"
    with pytest.raises(NotRunning, match=rf"Execution '{execution_id}' is not running \(status: cancelled\)"):
        await submissions.cancel(ANN, execution_id)


async def test_a_queued_one_that_is_cancelled_never_runs(tmp_path: Path, policy: Policy) -> None:
    """It is out of the line at once, stays to be seen, and counts against nothing."""
    async with opened_engine(policy_of(policy, concurrent=1, hourly=3)) as engine, open_house(tmp_path, engine) as (subs, base):
        running = await submit(subs, FOREVER)
        await begun(subs, running)
        first, second = await submit(subs, "return 1"), await submit(subs, "return 2")
        with pytest.raises(QuotaExceeded) as refused:
            await submit(subs, "return 3")
        assert refused.value.limit == "hourly"
        waiting = [(await subs.get(ANN, each)).waiting for each in (first, second)]
        assert [each and each.position for each in waiting] == [1, 2]
        assert all(each and "1 of yours run" in each.reason for each in waiting)
        await subs.cancel(ANN, first)
        assert [event.kind for event in await events_of(subs, first)] == ["queued", "finished"]
        await submit(subs, "return 3")  # its place in the hour is free again
        await subs.cancel(ANN, running)
        assert (await end_of(subs, second)).result == "2"
        assert (await subs.get(ANN, first)).status is Status.cancelled
        with base.read() as connection:
            counted = connection.exec_driver_sql("SELECT count(*) FROM executions WHERE counted").scalar()
        assert counted == 3


async def test_cancel_against_the_end_has_one_winner(house: House) -> None:
    """Whoever comes first: what the call says, the record, and the one last event are the same."""
    submissions, _ = house

    async def race(place: int) -> None:
        execution_id = await submit(submissions, "console.log(1); return 1")
        await trio.sleep(place % 20 * 0.004)
        try:
            await submissions.cancel(ANN, execution_id)
            told = Status.cancelled
        except NotRunning as error:
            told = error.status
        found = await end_of(submissions, execution_id)
        assert found.status is told
        assert (found.result is None) == (told is Status.cancelled)
        last = [event for event in await events_of(submissions, execution_id) if event.kind == "finished"]
        assert [bytes(event.data) for event in last] == [f'{{"status":"{told}"}}'.encode()]
        ends.append(told)

    ends: list[Status] = []
    for _ in range(4):
        async with trio.open_nursery() as nursery:
            for place in range(20):
                nursery.start_soon(race, place)
    assert len(ends) == 80


async def test_the_same_key_is_the_same_execution(house: House) -> None:
    """At the same time, later, and after the end; for another asking it is refused, and it is the user's own."""
    submissions, _ = house
    ids: list[str] = []

    async def again() -> None:
        ids.append(await submit(submissions, "return 1", key="k1", tags={"a": "b"}))

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(again)
    await end_of(submissions, ids[0])
    await again()
    assert len(set(ids)) == 1
    for other in ({"code": "return 2"}, {"wall_ms": 1234}, {"tags": {}}, {"session": "s"}):
        with pytest.raises(BadRequest, match="Idempotency-Key"):
            await submit(submissions, **{"code": "return 1", "key": "k1", "tags": {"a": "b"}, **other})
    assert await submit(submissions, "return 1", BOB, key="k1") != ids[0]
    assert len(await submissions.listed(ANN, limit=10)) == 1


async def test_a_list_is_the_user_s_own_the_newest_first(house: House) -> None:
    """Page by page, and nothing of anybody else's, who is told that there is nothing."""
    submissions, _ = house
    ids = [await submit(submissions, f"return {n}") for n in range(5)]
    theirs = await submit(submissions, "return 9", BOB)
    listed = [each.id for each in await submissions.listed(ANN, limit=3)]
    rest = [each.id for each in await submissions.listed(ANN, limit=3, before=listed[-1])]
    assert [*listed, *rest] == ids[::-1]
    for call in (
        submissions.get(ANN, theirs),
        submissions.cancel(ANN, theirs),
        submissions.lines(ANN, theirs, 0, 1),
        submissions.bytes(ANN, theirs, 0, 1),
        submissions.listed(ANN, limit=1, before=theirs),
        events_of(submissions, theirs),
        submissions.get(Principal("other", "ann", "free"), ids[0]),
        submissions.get(ANN, "nothing of the kind"),
    ):
        with pytest.raises(NotFound):
            await call


async def test_what_is_refused_leaves_nothing(tmp_path: Path, policy: Policy) -> None:
    """The door, the source, the limits, the bound of the user's line: each by its own error."""
    engine: Engine
    async with (
        opened_engine(policy_of(policy, concurrent=1)) as engine,
        open_house(tmp_path, engine, queue={"per_user": 2}) as (submissions, _),
    ):
        with pytest.raises(SubscriptionRequired):
            await submit(submissions, "return 1", Principal("acme", "ann", "none"))
        with pytest.raises(BadRequest, match="empty"):
            await submit(submissions, "  ")
        with pytest.raises(BadRequest, match="secs must be between"):
            await submit(submissions, "return 1", wall_ms=1, wall_field="secs")
        assert await submissions.listed(ANN, limit=10) == []
        running = await submit(submissions, FOREVER)
        await begun(submissions, running)
        for _ in range(2):
            await submit(submissions, "return 1")
        with pytest.raises(QuotaExceeded) as refused:
            await submit(submissions, "return 1")
        assert (refused.value.limit, refused.value.allowed) == ("queued", 2)
        assert len(await submissions.listed(ANN, limit=10)) == 3
        await submit(submissions, "return 1", BOB)  # the line is each user's own


async def test_no_more_run_at_once_than_the_subscription_allows(tmp_path: Path, policy: Policy) -> None:
    """Two of each user, whatever is queued."""
    async with opened_engine(policy_of(policy, concurrent=2)) as engine, open_house(tmp_path, engine) as (submissions, _):
        most: dict[str, int] = {}
        pause = "await new Promise(resolve => setTimeout(resolve, 50))"
        ids = {who: [await submit(submissions, pause, who) for _ in range(6)] for who in (ANN, BOB)}

        async def look() -> None:
            while True:
                for who in (ANN, BOB):
                    running = submissions.ledger.slots((who.tenant, who.user))
                    most[who.user] = max(most.get(who.user, 0), running)
                await trio.sleep(0.002)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(look)
            ends = [(await end_of(submissions, each, who)).status for who in ids for each in ids[who]]
            nursery.cancel_scope.cancel()
        assert most == {"ann": 2, "bob": 2}
        assert set(ends) == {Status.succeeded}


async def test_a_long_poll_ends_with_the_execution(house: House) -> None:
    """It answers the end as soon as that is there, and what there is when its time is over."""
    submissions, _ = house
    execution_id = await submit(submissions, FOREVER)
    assert (await submissions.get(ANN, execution_id, wait_s=0.05)).finished_ms is None

    async with trio.open_nursery() as nursery:
        found = []

        async def wait() -> None:
            found.append(await submissions.get(ANN, execution_id, wait_s=1000))

        nursery.start_soon(wait)
        await begun(submissions, execution_id)
        assert found == []
        await submissions.cancel(ANN, execution_id)
    assert found[0].status is Status.cancelled


async def test_a_drain_lets_nobody_wait(house: House) -> None:
    """Long polls and streams end at once; what runs goes on, and nothing is begun."""
    submissions, _ = house
    running = await submit(submissions, FOREVER)
    await begun(submissions, running)
    submissions.drain()
    assert (await submissions.get(ANN, running, wait_s=1000)).status is Status.running
    assert [event.kind for event in await events_of(submissions, running)] == ["queued", "started", "log"]
    later = await submit(submissions, "return 2")
    with trio.move_on_after(0.1) as early:
        await submissions.idle()
    await submissions.cancel(ANN, running)
    await submissions.idle()
    assert early.cancelled_caught
    found = await submissions.get(ANN, later)
    assert (found.status, found.waiting and "stopping" in found.waiting.reason) == (Status.queued, True)
    await until(lambda: submissions.scheduler.waiting == 1)
