"""Who is next: fair between tenants, then between users; each line in its order."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from sandboxd.executions.scheduler import Queued, Scheduler, User

ANY = lambda _: True  # noqa: E731
WHO = st.tuples(st.sampled_from("TUV"), st.sampled_from("abc"))


def scheduler(waiting: list[User], *, slots: int = 100, share: int = 100, most: int | None = None) -> Scheduler:
    """One in which these wait, each by a number of its own."""
    made = Scheduler(slots=slots, share=share)
    for number, user in enumerate(waiting):
        made.put(Queued(str(number), user, most))
    return made


def order(made: Scheduler, *, at_once: int) -> list[User]:
    """The users in the order in which theirs begin, when `at_once` run and the oldest ends first."""
    begun: list[User] = []
    running: list[User] = []
    while (queued := made.next(ANY)) is not None:
        begun.append(queued.user)
        running.append(queued.user)
        if len(running) == at_once:
            made.ended(running.pop(0))
    return begun


def test_tenants_take_turns_whatever_they_have_queued() -> None:
    """A hundred of one do not stand before two of another."""
    waiting = [("big", "a")] * 100 + [("small", "a")] * 2
    assert [tenant for tenant, _ in order(scheduler(waiting), at_once=1)][:4] == ["big", "small", "big", "small"]


def test_users_of_a_tenant_take_turns_within_its_turn() -> None:
    """A tenant of three users gets no more than one of a single user; its users get the same among themselves."""
    waiting = [("many", user) for user in "abc" for _ in range(20)] + [("one", "a")] * 20
    begun = order(scheduler(waiting), at_once=1)[:24]
    assert Counter(tenant for tenant, _ in begun) == {"many": 12, "one": 12}
    assert Counter(user for tenant, user in begun if tenant == "many") == {"a": 4, "b": 4, "c": 4}


def test_who_has_the_fewest_running_is_next() -> None:
    """Turns are of those that are equal: who has something running waits for who has nothing."""
    made = scheduler([("T", "a")] * 3)
    assert made.next(ANY)
    assert made.next(ANY)
    made.put(Queued("late", ("U", "a"), None))
    assert (late := made.next(ANY)) is not None
    assert late.id == "late"


def test_who_may_not_is_passed_over_and_loses_nothing() -> None:
    """Whoever has all of his running does not hold up the others, and is the next when he may."""
    made = scheduler([("T", "a"), ("T", "a"), ("T", "b"), ("U", "a")], most=1)
    running: Counter[User] = Counter()

    def may(queued: Queued) -> bool:
        return queued.most is None or running[queued.user] < queued.most

    for _ in range(3):
        queued = made.next(may)
        assert queued is not None
        running[queued.user] += 1
    assert made.next(may) is None
    assert set(running.values()) == {1}
    running[("T", "a")] -= 1
    made.ended(("T", "a"))
    assert (again := made.next(may)) is not None
    assert (again.user, made.waiting) == (("T", "a"), 0)


@given(st.lists(WHO, max_size=40), st.integers(1, 6), st.integers(1, 3))
def test_no_more_run_than_there_are_slots(waiting: list[User], slots: int, share: int) -> None:
    """In all, and of each user; and as many as may."""
    made = scheduler(waiting, slots=slots, share=share)
    begun = Counter[User]()
    while (queued := made.next(ANY)) is not None:
        begun[queued.user] += 1
    assert made.running == sum(begun.values())
    assert made.running == min(slots, sum(min(share, count) for count in Counter(waiting).values()))
    assert max(begun.values(), default=0) <= share
    assert all(made.running_of(user) == count for user, count in begun.items())


@given(st.lists(WHO, max_size=40), st.integers(1, 5))
def test_everybody_is_served_once_and_in_his_order(waiting: list[User], at_once: int) -> None:
    """Nothing is lost, nothing comes twice, of one user the first is first; then nothing is left behind."""
    made = scheduler(waiting)
    ids: dict[User, list[int]] = {}
    running: list[User] = []
    while (queued := made.next(ANY)) is not None:
        ids.setdefault(queued.user, []).append(int(queued.id))
        running.append(queued.user)
        if len(running) == at_once:
            made.ended(running.pop(0))
    for user in running:
        made.ended(user)
    assert sorted(number for each in ids.values() for number in each) == list(range(len(waiting)))
    assert all(each == sorted(each) for each in ids.values())
    assert (made.waiting, made.running, made._lines, made._users, made._running_of) == (0, 0, {}, {}, {})
    assert list(made._tenants) == []


@given(st.data())
def test_between_two_who_always_have_something_queued_nobody_gets_two_more(data: st.DataObject) -> None:
    """Whatever ends and whenever: of two tenants that both wait, one never has two more running than the other."""
    made = scheduler([])
    numbers = iter(range(10_000))
    running: list[User] = []
    for _ in range(data.draw(st.integers(1, 60))):
        for tenant in "TU":
            for user in "ab":
                if made.waiting_of((tenant, user)) == 0:
                    made.put(Queued(str(next(numbers)), (tenant, user), None))
        while len(running) < 6 and (queued := made.next(ANY)) is not None:
            held = Counter(tenant for tenant, _ in running)
            assert held[queued.user[0]] == min(held[tenant] for tenant in "TU")
            mine = Counter(running)
            assert mine[queued.user] == min(mine[(queued.user[0], user)] for user in "ab")
            running.append(queued.user)
        made.ended(running.pop(data.draw(st.integers(0, len(running) - 1))))


@given(st.lists(WHO, min_size=1, max_size=20), st.data())
def test_one_that_is_removed_is_gone(waiting: list[User], data: st.DataObject) -> None:
    """It is answered once; the others keep their order, and the places behind it move up."""
    made = scheduler(waiting)
    number = data.draw(st.integers(0, len(waiting) - 1))
    user = waiting[number]
    behind = [str(place) for place, each in enumerate(waiting) if each == user and place > number]
    before = [made.place(each, user) for each in behind]
    assert (removed := made.remove(str(number), user)) is not None
    assert (removed.id, made.remove(str(number), user), made.place(str(number), user)) == (str(number), None, None)
    assert [made.place(each, user) for each in behind] == [place - 1 for place in before if place is not None]
    assert made.waiting == len(waiting) - 1
    assert str(number) not in {each.id for each in iter(lambda: made.next(ANY), None)}
