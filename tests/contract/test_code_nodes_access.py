"""Who may call: tokens and tiers."""

import pytest

from tests.support.daemon import BASE, Answer, Daemon, sandboxd
from tests.support.stored import id_of, make_token

MISSING = {"error": "Missing authorization header"}
INVALID = {"error": "Invalid or expired token"}
ROUTES = [
    ("POST", "/validate", {"code": "1"}),
    ("POST", "/execute", {"code": "1"}),
    ("GET", "/templates", None),
    ("GET", "/templates/hello_world", None),
]
each_route = pytest.mark.parametrize(("method", "path", "body"), ROUTES, ids=[path for _, path, _ in ROUTES])


def ask(daemon: Daemon, header: str | None) -> Answer:
    return daemon.request("GET", f"{BASE}/templates", headers={} if header is None else {"Authorization": header})


@each_route
def test_every_route_needs_a_token(daemon: Daemon, method: str, path: str, body: object) -> None:
    """Without a header all four routes answer 401 with the scheme that they want."""
    answer = daemon.request(method, f"{BASE}{path}", body=body)
    assert (answer.status, answer.json, answer.headers["WWW-Authenticate"]) == (401, MISSING, "Bearer")


@each_route
def test_every_route_refuses_an_unknown_token(daemon: Daemon, method: str, path: str, body: object) -> None:
    """A token that nobody made is 401 on all four routes."""
    answer = daemon.request(method, f"{BASE}{path}", token="sbx_" + "A" * 43, body=body)
    assert (answer.status, answer.json, answer.headers["WWW-Authenticate"]) == (401, INVALID, "Bearer")


@each_route
def test_every_route_refuses_the_tier_without_code_nodes(daemon: Daemon, method: str, path: str, body: object) -> None:
    """The tier `none` is known and opens nothing."""
    token = make_token(daemon.data_dir, "nobody", "none")
    answer = daemon.request(method, f"{BASE}{path}", token=token, body=body)
    assert (answer.status, answer.json) == (403, {"error": "Subscription to ai-automation required"})


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic dTpw", "Token {token}", "{token}", "Bearer{token}"])
def test_another_form_of_header_is_a_missing_one(daemon: Daemon, token: str, header: str) -> None:
    """Another scheme, no scheme and no token are all the same to the caller."""
    answer = ask(daemon, header.format(token=token))
    assert (answer.status, answer.json) == (401, MISSING)


@pytest.mark.parametrize("header", ["Bearer {token}", "bearer {token}", "BEARER {token}", "Bearer   {token}"])
def test_the_case_of_the_scheme_does_not_matter(daemon: Daemon, token: str, header: str) -> None:
    """Scheme names have no case, and spaces before the token are not part of it."""
    assert ask(daemon, header.format(token=token)).status == 200


@pytest.mark.parametrize("wrong", ["{token}x", "{token} x", "\xe9", "x" * 8000])
def test_what_is_not_exactly_the_token_is_unknown(daemon: Daemon, token: str, wrong: str) -> None:
    """A longer one, one with more behind it, a strange and a huge one are unknown tokens."""
    answer = ask(daemon, "Bearer " + wrong.format(token=token))
    assert (answer.status, answer.json) == (401, INVALID)


def test_the_case_of_the_token_matters(daemon: Daemon, token: str) -> None:
    """A token in other letters is another token."""
    assert ask(daemon, f"Bearer {token.swapcase()}").status == 401


def test_an_expired_token_is_refused(daemon: Daemon) -> None:
    """From its end on a token is as good as none."""
    answer = ask(daemon, f"Bearer {make_token(daemon.data_dir, 'late', expires_in_s=-1)}")
    assert (answer.status, answer.json) == (401, INVALID)


def test_a_token_before_its_end_is_good(daemon: Daemon) -> None:
    """An end that is still to come changes nothing."""
    assert ask(daemon, f"Bearer {make_token(daemon.data_dir, 'early', expires_in_s=3600)}").status == 200


def test_a_revoked_token_is_refused(daemon: Daemon) -> None:
    """The command line revokes, and the running daemon refuses the next request."""
    token = make_token(daemon.data_dir, "revoked")
    assert ask(daemon, f"Bearer {token}").status == 200
    sandboxd("token", "revoke", id_of(token), "--data-dir", str(daemon.data_dir))
    answer = ask(daemon, f"Bearer {token}")
    assert (answer.status, answer.json) == (401, INVALID)


def test_a_tier_that_the_policy_no_longer_has_opens_nothing(daemon: Daemon) -> None:
    """A token outlives its tier; then it is a token without a subscription."""
    token = make_token(daemon.data_dir, "old", "discontinued")
    assert ask(daemon, f"Bearer {token}").status == 403


def test_the_token_is_judged_before_the_body(daemon: Daemon) -> None:
    """Who may not call is not told what is wrong with his request."""
    answer = daemon.request("POST", f"{BASE}/execute", body=b"not JSON")
    assert answer.status == 401


@pytest.mark.parametrize("tier", ["starter", "ambassador", "enterprise", "service"])
def test_every_tier_with_code_nodes_may_call(daemon: Daemon, tier: str) -> None:
    """All tiers of the table but `none` open the door."""
    answer = daemon.execute(make_token(daemon.data_dir, f"a-{tier}", tier), "return 1")
    assert (answer.status, answer.json["return_value"]) == (200, 1)


@pytest.mark.parametrize(("tier", "allowed"), [("starter", 5000), ("ambassador", 10_000)])
def test_a_timeout_above_the_tier_is_forbidden(daemon: Daemon, tier: str, allowed: int) -> None:
    """The answer names the limit, what is allowed and what was asked for."""
    answer = daemon.execute(make_token(daemon.data_dir, f"b-{tier}", tier), "return 1", timeout_ms=allowed + 1)
    body = answer.json
    assert (answer.status, "timeout_ms" in body.pop("error")) == (403, True)
    assert body == {"limit": "max_timeout_ms", "allowed": allowed, "requested": allowed + 1}


@pytest.mark.parametrize(
    ("tier", "allowed"), [("starter", 5000), ("ambassador", 10_000), ("enterprise", 30_000), ("service", 30_000)]
)
def test_the_tier_s_maximum_itself_is_allowed(daemon: Daemon, tier: str, allowed: int) -> None:
    """The border belongs to what is allowed."""
    assert daemon.execute(make_token(daemon.data_dir, f"c-{tier}", tier), "return 1", timeout_ms=allowed).status == 200


def test_the_range_is_judged_before_the_tier(daemon: Daemon) -> None:
    """Outside of the range is 400 for every tier, also where the tier would forbid it."""
    answer = daemon.execute(make_token(daemon.data_dir, "d", "starter"), "return 1", timeout_ms=30_001)
    assert (answer.status, answer.json) == (400, {"error": "timeout_ms must be between 1000 and 30000"})
