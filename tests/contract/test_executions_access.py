"""Who may call the executions door, and whose an execution is."""

import uuid

import pytest

from tests.support.daemon import Daemon
from tests.support.executing import ASLEEP, Caller
from tests.support.stored import make_token

DOORS = ["executions"]

NOBODY = "00000000-0000-0000-0000-000000000000"
ROUTES = [
    ("POST", "/api/exec", {"code": "1"}),
    ("GET", "/api/executions", None),
    ("GET", f"/api/executions/{NOBODY}", None),
    ("POST", f"/api/executions/{NOBODY}/cancel", None),
    ("GET", f"/api/executions/{NOBODY}/output", None),
    ("GET", f"/api/executions/{NOBODY}/events", None),
]
each_route = pytest.mark.parametrize(("method", "path", "body"), ROUTES, ids=[f"{method} {path}" for method, path, _ in ROUTES])
OF_ONE = [
    ("GET", ""),
    ("GET", "?wait=1"),
    ("POST", "/cancel"),
    ("GET", "/output"),
    ("GET", "/output?byte_limit=1"),
    ("GET", "/events"),
]


@each_route
def test_every_route_needs_a_token(daemon: Daemon, method: str, path: str, body: object) -> None:
    """Without a header every route answers 401 with the scheme that it wants."""
    answer = daemon.request(method, path, body=body)
    assert (answer.status, answer.json) == (401, {"error": "Missing authorization header"})
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@each_route
def test_every_route_refuses_an_unknown_token(daemon: Daemon, method: str, path: str, body: object) -> None:
    """A token that nobody made is 401."""
    answer = daemon.request(method, path, token="sbx_" + "A" * 43, body=body)
    assert (answer.status, answer.json) == (401, {"error": "Invalid or expired token"})


@each_route
def test_every_route_refuses_a_tier_without_the_door(daemon: Daemon, method: str, path: str, body: object) -> None:
    """The tier `none` is known and opens nothing."""
    answer = daemon.request(method, path, token=make_token(daemon.data_dir, "nobody", "none"), body=body)
    assert (answer.status, set(answer.json)) == (403, {"error"})


def test_the_version_needs_no_token(daemon: Daemon) -> None:
    """Anybody may ask which daemon this is."""
    answer = daemon.request("GET", "/api/version")
    assert (answer.status, set(answer.json)) == (200, {"version"})


@pytest.mark.parametrize(("method", "below"), OF_ONE)
@pytest.mark.parametrize("execution_id", [NOBODY, "nope", "%2e%2e", "%00", "a%2Fb", "x" * 2000, "%ff"])
def test_an_unknown_id_is_404(caller: Caller, execution_id: str, method: str, below: str) -> None:
    """On every route, whatever the id looks like; a cancel says it in its own form."""
    answer = caller.ask(method, f"/api/executions/{execution_id}{below}")
    assert (answer.status, set(answer.json) - {"ok"}) == (404, {"error"})
    if below == "/cancel" and "%2F" not in execution_id:
        assert answer.json["ok"] is False


@pytest.mark.parametrize(("tenant", "user"), [("other", "caller"), ("default", "other"), ("other", "other")])
def test_what_is_another_s_is_not_there(daemon: Daemon, caller: Caller, tenant: str, user: str) -> None:
    """Neither another tenant nor another user of the same one sees, reads or ends an execution; a cancel leaves it running."""
    stranger = Caller(daemon, make_token(daemon.data_dir, user, tenant=tenant))
    execution_id = caller.submit(ASLEEP)
    try:
        unknown = {below: stranger.ask(method, f"/api/executions/{uuid.uuid4()}{below}") for method, below in OF_ONE}
        for method, below in OF_ONE:
            answer = stranger.ask(method, f"/api/executions/{execution_id}{below}")
            assert (answer.status, answer.body) == (404, unknown[below].body)
        assert execution_id not in [each["execution_id"] for each in stranger.listed()]
        assert caller.get(execution_id)["status"] == "running"
    finally:
        assert caller.cancel(execution_id).status == 200


def test_another_s_key_is_another_key(daemon: Daemon, caller: Caller) -> None:
    """The same Idempotency-Key of two users is two executions."""
    stranger = Caller(daemon, make_token(daemon.data_dir, "stranger"))
    assert caller.submit("1", key="shared") != stranger.submit("1", key="shared")
