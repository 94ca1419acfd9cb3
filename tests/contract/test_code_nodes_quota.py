"""Quotas and capacity: 429 and 503, what counts and what does not."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.daemon import Answer, Daemon, running_daemon
from tests.support.held import busy
from tests.support.stored import counted, executions, make_token, pretend_started, wait_until

MINUTE = 60_000


def now_ms() -> int:
    return int(time.time() * 1000)


def month_began_ms() -> int:
    return int(datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000)


def refused(answer: Answer, limit: str, allowed: int) -> int:
    """Asserts the form of a 429 and gives its retry_after."""
    body = answer.json
    retry_after: int = body["retry_after"]
    assert (answer.status, body) == (
        429,
        {"error": "Rate limit exceeded", "limit": limit, "allowed": allowed, "retry_after": retry_after},
    )
    assert answer.headers["Retry-After"] == str(retry_after)
    assert answer.headers["RateLimit"] == f'"{limit}";r=0;t={retry_after}'
    assert f'"{limit}";q={allowed}' in answer.headers["RateLimit-Policy"]
    return retry_after


# ------------------------------------------------------------------ concurrent


@pytest.mark.parametrize(("tier", "allowed"), [("starter", 1), ("ambassador", 3), ("enterprise", 5)])
def test_concurrent_executions_are_limited_by_the_tier(daemon: Daemon, tier: str, allowed: int) -> None:
    """One more than the tier allows is 429 while the others run."""
    token = make_token(daemon.data_dir, f"par-{tier}", tier)
    with busy(daemon, token, allowed):
        assert refused(daemon.execute(token, "return 1"), "concurrent", allowed) == 1


def test_the_policy_header_names_every_limit(daemon: Daemon) -> None:
    """The header tells the quotas and windows of the user: the month has its real length."""
    token = make_token(daemon.data_dir, "header", "starter")
    with busy(daemon, token):
        header = daemon.execute(token, "return 1").headers["RateLimit-Policy"]
    concurrent, hourly, daily, monthly = header.split(", ")
    assert (concurrent, hourly, daily) == (
        '"concurrent";q=1;qu="concurrent-requests"',
        '"hourly";q=100;w=3600',
        '"daily";q=1000;w=86400',
    )
    assert monthly in {f'"monthly";q=100;w={days * 86_400}' for days in (28, 29, 30, 31)}


def test_validation_holds_a_parallel_slot(daemon: Daemon) -> None:
    """Validation is work: it is refused while the user's slots are in use."""
    token = make_token(daemon.data_dir, "par-validate", "starter")
    with busy(daemon, token):
        refused(daemon.validate(token, "return 1"), "concurrent", 1)


def test_templates_are_not_limited(daemon: Daemon) -> None:
    """Reading is no work."""
    token = make_token(daemon.data_dir, "par-read", "starter")
    with busy(daemon, token):
        assert daemon.request("GET", "/api/ai-automation/code/templates", token=token).status == 200


def test_parallel_slots_are_the_user_s_not_the_token_s(daemon: Daemon) -> None:
    """Two tokens of one user share his slots."""
    first, second = (make_token(daemon.data_dir, "two", "starter") for _ in range(2))
    with busy(daemon, first):
        refused(daemon.execute(second, "return 1"), "concurrent", 1)


def test_a_user_of_another_tenant_is_another_user(daemon: Daemon) -> None:
    """The same name in two tenants is two users."""
    first, second = (make_token(daemon.data_dir, "same", "starter", tenant=tenant) for tenant in ("a", "b"))
    with busy(daemon, first):
        assert daemon.execute(second, "return 1").status == 200


def test_a_slot_is_free_when_the_answer_is_there(daemon: Daemon) -> None:
    """Calls one after the other never meet the limit of one, whatever their end."""
    token = make_token(daemon.data_dir, "one-by-one", "starter")
    codes = ["return 1", "throw 1", "", "process", "a b", "return 2"]
    assert 429 not in [daemon.execute(token, code).status for code in codes]


# ------------------------------------------------------------------ windows


@pytest.mark.parametrize(
    ("tier", "started", "limit", "allowed", "least", "most"),
    [
        ("enterprise", [-MINUTE] * 100, "hourly", 100, 3500, 3540),
        ("enterprise", [-59 * MINUTE] + [-MINUTE] * 99, "hourly", 100, 1, 60),
        ("enterprise", [-90 * MINUTE] * 1000, "daily", 1000, 80_000, 81_000),
        ("service", [], "", 0, 0, 0),
        ("enterprise", [-61 * MINUTE] * 999, "", 0, 0, 0),
        ("enterprise", [-25 * 60 * MINUTE] * 2000, "", 0, 0, 0),
    ],
    ids=["hour", "oldest leaves", "day", "service", "hour over", "day over"],
)
def test_rolling_windows(
    daemon: Daemon, tier: str, started: list[int], limit: str, allowed: int, least: int, most: int
) -> None:
    """The hour and the day roll: the oldest start that counts decides when there is room again."""
    user = f"window-{len(started)}-{least}-{tier}-{limit}"
    now = now_ms()
    pretend_started(daemon.data_dir, user, [now + each for each in started])
    answer = daemon.execute(make_token(daemon.data_dir, user, tier), "return 1")
    if limit:
        assert least <= refused(answer, limit, allowed) <= most
    else:
        assert answer.status == 200


def test_the_month_is_the_calendar_s(daemon: Daemon) -> None:
    """What was started since the month began counts, and it is free again when the next one begins."""
    pretend_started(daemon.data_dir, "month", [month_began_ms()] * 100)
    retry_after = refused(daemon.execute(make_token(daemon.data_dir, "month", "starter"), "return 1"), "monthly", 100)
    then = datetime.fromtimestamp(time.time() + retry_after, UTC)
    assert (then.day, then.hour, then.minute) == (1, 0, 0)


def test_the_last_month_does_not_count(daemon: Daemon) -> None:
    """What was started before the month began is not in it; the last hour and day are looked at besides."""
    pretend_started(daemon.data_dir, "last-month", [month_began_ms() - 40 * 24 * 60 * MINUTE] * 100)
    assert daemon.execute(make_token(daemon.data_dir, "last-month", "starter"), "return 1").status == 200


def test_a_longer_limit_is_named_before_the_parallel_one(daemon: Daemon) -> None:
    """While an execution runs and the hour is exhausted, the answer tells to wait for the hour."""
    token = make_token(daemon.data_dir, "busy-hour", "enterprise")
    pretend_started(daemon.data_dir, "busy-hour", [now_ms() - MINUTE] * 95)
    with busy(daemon, token, 5):
        assert refused(daemon.execute(token, "return 1"), "hourly", 100) > 60


# ------------------------------------------------------------------ what counts


@pytest.mark.parametrize(
    ("code", "more", "status"),
    [
        ("return 1", {}, 200),
        ("throw 1", {}, 200),
        ("a b", {}, 200),
        ("for (;;) {}", {"timeout_ms": 1000}, 200),
        ("return new Uint8Array(1 << 30)", {}, 200),
    ],
    ids=["success", "error", "syntax", "timeout", "memory"],
)
def test_what_ran_counts(daemon: Daemon, code: str, more: dict[str, int], status: int) -> None:
    """Every execution that ran counts, whatever became of it."""
    user = f"counts-{code}"
    assert daemon.execute(make_token(daemon.data_dir, user, "starter"), code, **more).status == status
    assert counted(daemon.data_dir, user) == 1


@pytest.mark.parametrize(
    ("code", "more", "status"),
    [
        ("", {}, 400),
        ("f(", {}, 400),
        ("process.exit()", {}, 400),
        ("return 1", {"timeout_ms": 1}, 400),
        ("return 1", {"timeout_ms": 10_000}, 403),
        ("return 1", {"unknown": 1}, 400),
        ("return 1", {"input": "x" * (1 << 20)}, 413),
    ],
    ids=["empty", "brackets", "pattern", "range", "tier", "field", "size"],
)
def test_what_was_refused_does_not_count(daemon: Daemon, code: str, more: dict[str, object], status: int) -> None:
    """4xx answers leave the quota as it was."""
    user = f"refused-{code}-{status}-{len(more)}"
    assert daemon.execute(make_token(daemon.data_dir, user, "starter"), code, **more).status == status
    assert wait_until(lambda: counted(daemon.data_dir, user) == 0)


def test_validation_does_not_count(daemon: Daemon) -> None:
    """A validation leaves no record at all."""
    token = make_token(daemon.data_dir, "validates", "starter")
    assert daemon.validate(token, "return 1").json["valid"]
    assert executions(daemon.data_dir, "validates") == []


def test_validation_works_when_the_hour_is_exhausted(daemon: Daemon) -> None:
    """Hour, day and month are for executions."""
    pretend_started(daemon.data_dir, "validates-on", [now_ms() - MINUTE] * 100)
    assert daemon.validate(make_token(daemon.data_dir, "validates-on", "starter"), "return 1").status == 200


def test_parallel_calls_never_pass_the_limit(daemon: Daemon) -> None:
    """Of 30 parallel calls of a user with 5 slots and 3 left in the hour exactly 3 run."""
    pretend_started(daemon.data_dir, "race", [now_ms() - MINUTE] * 97)
    token = make_token(daemon.data_dir, "race", "enterprise")
    with ThreadPoolExecutor(30) as threads:
        statuses = list(threads.map(lambda _: daemon.execute(token, "return 1").status, range(30)))
    assert (statuses.count(200), statuses.count(429), counted(daemon.data_dir, "race")) == (3, 27, 100)


# ------------------------------------------------------------------ capacity


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon that runs one execution and lets one wait, for a second."""
    home: Path = tmp_path_factory.mktemp("small")
    (home / "c.toml").write_text('doors = ["code-nodes"]\n[pool]\nahead = 1\nrunning = 1\nwaiting = 1\nwait_ms = 1000\n')
    with running_daemon(home / "data", "--config", str(home / "c.toml")) as daemon:
        yield daemon


def no_capacity(answer: Answer) -> None:
    body = answer.json
    assert (answer.status, body["error"]) == (503, "No capacity, try again")
    assert (set(body), answer.headers["Retry-After"]) == ({"error", "retry_after"}, str(body["retry_after"]))
    assert body["retry_after"] >= 1


@pytest.mark.parametrize("call", [Daemon.execute, Daemon.validate])
def test_waiting_too_long_is_503(small: Daemon, call: Callable[[Daemon, str, str], Answer]) -> None:
    """Who waits for a worker longer than wait_ms is told when to come again, and it does not count."""
    user = f"waits-{call.__name__}"
    with busy(small, make_token(small.data_dir, "holder")):
        no_capacity(call(small, make_token(small.data_dir, user, "enterprise"), "return 1"))
    assert executions(small.data_dir, user) == []


def test_a_full_queue_is_503(small: Daemon) -> None:
    """Of many who come at once one runs and one waits; all others are refused at once, and do not count."""
    token = make_token(small.data_dir, "many")
    with busy(small, make_token(small.data_dir, "holder")), ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: small.execute(token, "return 1"), range(6)))
    for answer in answers:
        no_capacity(answer)
    assert executions(small.data_dir, "many") == []


def test_a_503_gives_the_parallel_slot_back(small: Daemon) -> None:
    """After a 503 the user's only slot is free."""
    token = make_token(small.data_dir, "again", "starter")
    with busy(small, make_token(small.data_dir, "holder")):
        no_capacity(small.execute(token, "return 1"))
    assert small.execute(token, "return 1").status == 200
