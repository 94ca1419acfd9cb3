"""The fair queue alone, on a clock that jumps."""

import random
from collections import Counter

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from sandboxd.errors import NoCapacity
from sandboxd.pool.queue import FairQueue


class Scene:
    """Users who take a slot and hold it until told; who got in is noted in order."""

    def __init__(self, nursery: trio.Nursery, *, slots: int = 1, waiting: int = 100, wait_ms: int = 1000, **share: int) -> None:
        self.queue = FairQueue(slots=slots, waiting=waiting, wait_ms=wait_ms, **share)
        self.nursery = nursery
        self.order: list[str] = []
        self.leave: dict[str, trio.Event] = {}

    async def come(self, *names: str) -> None:
        """Each name is one request; its letter is the user."""
        for name in names:
            self.leave[name] = trio.Event()
            self.nursery.start_soon(self._hold, name)
            await wait_all_tasks_blocked()

    async def _hold(self, name: str) -> None:
        async with self.queue.slot(name[0]):
            self.order.append(name)
            await self.leave[name].wait()

    async def come_in_vain(self, name: str) -> trio.CancelScope:
        """A request that would hold its slot until this scope is cancelled."""
        scope = trio.CancelScope()
        self.leave[name] = trio.Event()

        async def hold() -> None:
            with scope:
                await self._hold(name)

        self.nursery.start_soon(hold)
        await wait_all_tasks_blocked()
        return scope

    async def go(self, *names: str) -> None:
        """Lets go of these slots, one after the other."""
        for name in names:
            self.leave[name].set()
            await wait_all_tasks_blocked()

    async def drain(self) -> list[str]:
        """Lets each go as it comes in; the whole order."""
        for at in range(len(self.leave)):
            await self.go(self.order[at])
        return self.order


async def test_a_free_slot_is_had_at_once() -> None:
    """Nobody waits while there is room."""
    async with trio.open_nursery() as nursery:
        scene = Scene(nursery, slots=2)
        await scene.come("a1", "a2")
        assert (scene.order, scene.queue.running, scene.queue.waiting) == (["a1", "a2"], 2, 0)
        nursery.cancel_scope.cancel()


async def test_a_user_has_his_share_at_most() -> None:
    """Whoever holds all that one user may hold waits, while others still get in at once; his next one follows his own."""
    async with trio.open_nursery() as nursery:
        scene = Scene(nursery, slots=4, share=2)
        await scene.come("a1", "a2", "a3", "b1", "b2", "a4")
        assert (scene.order, scene.queue.waiting) == (["a1", "a2", "b1", "b2"], 2)
        await scene.go("b1")
        assert scene.queue.waiting == 2
        await scene.come("c1")
        assert scene.order[4:] == ["c1"]
        await scene.go("a1")
        assert (scene.order[5:], scene.queue.waiting) == (["a3"], 1)
        nursery.cancel_scope.cancel()


async def test_users_take_turns() -> None:
    """A user with many requests does not hold up one with few."""
    async with trio.open_nursery() as nursery:
        scene = Scene(nursery)
        await scene.come("a1", "a2", "a3", "a4", "b1", "b2", "c1")
        assert await scene.drain() == ["a1", "a2", "b1", "c1", "a3", "b2", "a4"]


async def test_the_user_with_fewest_running_goes_first() -> None:
    """Who has nothing running comes before who has something."""
    async with trio.open_nursery() as nursery:
        scene = Scene(nursery, slots=3)
        await scene.come("a1", "a2", "b1", "a3", "b2", "c1")
        await scene.go("a1")
        assert scene.order[3:] == ["c1"]
        await scene.go("a2", "c1")
        assert scene.order[4:] == ["a3", "b2"]
        nursery.cancel_scope.cancel()


async def test_one_user_is_served_in_order() -> None:
    """Requests of one user keep their order."""
    async with trio.open_nursery() as nursery:
        scene = Scene(nursery)
        await scene.come("a1", "a2", "a3")
        assert await scene.drain() == ["a1", "a2", "a3"]


async def test_a_newcomer_does_not_pass_those_who_wait() -> None:
    """While somebody waits nobody walks in."""
    async with trio.open_nursery() as nursery:
        scene = Scene(nursery)
        await scene.come("a1", "b1")
        scene.leave["a1"].set()
        scene.leave["c1"] = trio.Event()
        nursery.start_soon(scene._hold, "c1")
        await wait_all_tasks_blocked()
        assert scene.order == ["a1", "b1"]
        nursery.cancel_scope.cancel()


async def test_a_full_queue_refuses_at_once() -> None:
    """One more than may wait is told when to come again."""
    async with trio.open_nursery() as nursery:
        scene = Scene(nursery, waiting=2)
        await scene.come("a1", "a2", "a3")
        with pytest.raises(NoCapacity) as refused:
            async with scene.queue.slot("b"):
                pass
        assert (refused.value.retry_after >= 1, scene.queue.waiting, scene.queue.running) == (True, 2, 1)
        nursery.cancel_scope.cancel()


async def test_a_long_wait_ends(autojump_clock: MockClock) -> None:  # noqa: ARG001
    """Who has waited as long as he may is refused, and leaves nothing behind."""
    async with trio.open_nursery() as nursery:
        scene = Scene(nursery, wait_ms=5000)
        await scene.come("a1")
        begun = trio.current_time()
        with pytest.raises(NoCapacity):
            async with scene.queue.slot("b"):
                pass
        assert trio.current_time() - begun == pytest.approx(5)
        assert (scene.queue.waiting, scene.queue.running) == (0, 1)
        nursery.cancel_scope.cancel()


async def test_retry_after_grows_with_the_line(autojump_clock: MockClock) -> None:  # noqa: ARG001
    """Slots that are held long and a long line make for a later return."""
    async with trio.open_nursery() as nursery:
        scene = Scene(nursery, waiting=50, wait_ms=10**9)
        for _ in range(50):
            async with scene.queue.slot("z"):
                await trio.sleep(10)
        await scene.come(*(f"a{n}" for n in range(51)))
        with pytest.raises(NoCapacity) as refused:
            async with scene.queue.slot("b"):
                pass
        assert refused.value.retry_after > 100
        nursery.cancel_scope.cancel()


async def test_a_turn_and_a_cancellation_in_the_same_moment() -> None:
    """A turn that comes to somebody who has just been cancelled goes on to the next."""
    async with trio.open_nursery() as nursery:
        scene = Scene(nursery)
        await scene.come("a1")
        scope = await scene.come_in_vain("b1")
        await scene.come("c1")
        scope.cancel()
        scene.leave["a1"].set()
        await wait_all_tasks_blocked()
        assert scene.order == ["a1", "c1"]
        await scene.go("c1")
        assert (scene.queue.running, scene.queue.waiting) == (0, 0)


async def test_a_turn_that_came_before_the_cancellation_is_given_back() -> None:
    """The other order of the same moment: the turn first, then the cancellation."""
    async with trio.open_nursery() as nursery:
        scene = Scene(nursery)
        await scene.come("a1")
        scope = await scene.come_in_vain("b1")
        await scene.come("c1")
        scene.leave["a1"].set()
        await trio.lowlevel.checkpoint()
        scope.cancel()
        await wait_all_tasks_blocked()
        assert scene.order in (["a1", "c1"], ["a1", "b1", "c1"])  # whether it still got in is the scheduler's
        await scene.go("c1")
        assert (scene.queue.running, scene.queue.waiting) == (0, 0)


async def _storm(seed: int, slots: int, waiting: int, wait_ms: int) -> tuple[FairQueue, Counter[str]]:
    chance = random.Random(seed)
    queue = FairQueue(slots=slots, waiting=waiting, wait_ms=wait_ms)
    ends: Counter[str] = Counter()
    inside = 0

    async def request(user: int, at: float, hold: float, patience: float) -> None:
        nonlocal inside
        await trio.sleep(at)
        with trio.move_on_after(patience) as scope:
            try:
                async with queue.slot(user):
                    inside += 1
                    assert inside <= slots
                    assert queue.running >= inside
                    try:
                        await trio.sleep(hold)
                    finally:
                        inside -= 1
                ends["served"] += 1
            except NoCapacity as refused:
                ends["refused" if refused.retry_after >= 1 else "told nonsense"] += 1
        if scope.cancelled_caught:
            ends["cancelled"] += 1

    def moment(longest: float) -> float:
        return chance.choice([0, 0.5, 1, 1, 2, round(chance.uniform(0, longest), 1)])  # coarse: many at the same moment

    async with trio.open_nursery() as nursery:
        for _ in range(60):
            nursery.start_soon(request, chance.randrange(5), moment(10), moment(3), chance.choice([1, 2, 0, 100, moment(5)]))
    return queue, ends


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    slots=st.integers(1, 5),
    waiting=st.sampled_from([1, 3, 100]),
    wait_ms=st.sampled_from([1, 1000, 10**6]),
)
def test_any_schedule_keeps_the_books(seed: int, slots: int, waiting: int, wait_ms: int) -> None:
    """Arrivals, timeouts and cancellations in any order: never too many inside, nobody lost, all counters back at zero."""
    queue, ends = trio.run(_storm, seed, slots, waiting, wait_ms, clock=MockClock(autojump_threshold=0))
    assert (queue.running, queue.waiting, queue._running_of, dict(queue._lines)) == (0, 0, {}, {})
    assert (ends.total(), ends["told nonsense"]) == (60, 0)


async def test_who_is_patient_is_not_counted_and_waits(
    autojump_clock: MockClock,  # noqa: ARG001
    nursery: trio.Nursery,
) -> None:
    """He comes in where the queue is full, outlasts the longest wait, takes nobody's place in it, and has his turn."""
    queue = FairQueue(slots=1, waiting=1, wait_ms=1000)
    held, entered = trio.Event(), trio.Event()

    async def hold() -> None:
        async with queue.slot("a"):
            await held.wait()

    async def wait() -> None:
        async with queue.slot("p", patient=True):
            entered.set()

    async def wait_in_vain() -> None:
        with pytest.raises(NoCapacity):
            async with queue.slot("b"):
                raise AssertionError

    nursery.start_soon(hold)
    await wait_all_tasks_blocked()
    nursery.start_soon(wait)
    await wait_all_tasks_blocked()
    assert queue.waiting == 0
    async with trio.open_nursery() as inner:
        inner.start_soon(wait_in_vain)
        await wait_all_tasks_blocked()
        assert queue.waiting == 1
    await trio.sleep(10_000)
    assert not entered.is_set()
    held.set()
    await entered.wait()
    assert queue.waiting == 0


async def test_a_patient_one_that_is_cancelled_leaves_nothing(
    autojump_clock: MockClock,  # noqa: ARG001
    nursery: trio.Nursery,
) -> None:
    """The slot that he waited for is another's."""
    scene = Scene(nursery)
    await scene.come("a")
    with trio.move_on_after(5):
        async with scene.queue.slot("p", patient=True):
            raise AssertionError
    await scene.come("b")
    await scene.go("a")
    assert (scene.order, scene.queue.waiting, scene.queue.running) == (["a", "b"], 0, 1)
