"""Errors as HTTP: every error of the tree, and that nothing unexpected is told."""

import json

import pytest
from quart_trio import QuartTrio
from werkzeug.datastructures import Headers

from sandboxd import errors
from sandboxd.api import problems


def tree(root: type[errors.SandboxdError]) -> list[type[errors.SandboxdError]]:
    return [root, *(below for child in root.__subclasses__() for below in tree(child))]


async def answered(error: BaseException) -> tuple[int, dict[str, object], Headers]:
    """What a route answers that raises `error`."""
    app = QuartTrio("test")
    problems.install(app)

    @app.get("/")
    async def route() -> str:
        raise error

    response = await app.test_client().get("/")
    assert response.content_type == "application/json"
    return response.status_code, json.loads(await response.get_data()), response.headers


CASES = [
    (errors.MissingToken(), 401, {"error": "Missing authorization header"}),
    (errors.InvalidToken(), 401, {"error": "Invalid or expired token"}),
    (errors.SubscriptionRequired(), 403, {"error": "Subscription to ai-automation required"}),
    (
        errors.LimitExceeded("too long", limit="max_timeout_ms", allowed=5000, requested=10_000),
        403,
        {"error": "too long", "limit": "max_timeout_ms", "allowed": 5000, "requested": 10_000},
    ),
    (errors.BadRequest("bad field"), 400, {"error": "bad field"}),
    (errors.BodyTooLarge(), 413, {"error": "Request body exceeds maximum size (1 MB)", "limit": "max_body_bytes"}),
    (errors.NotRunning("x", "completed"), 400, {"error": "Execution 'x' is not running (status: completed)"}),
    (errors.NotFound("Template not found"), 404, {"error": "Template not found"}),
    (errors.UnsupportedType("no forms"), 415, {"error": "no forms"}),
    (
        errors.FilesOff(),
        403,
        {"error": errors.FilesOff().message},
    ),
    (
        errors.QuotaExceeded(limit="hourly", allowed=100, retry_after=7),
        429,
        {"error": "Rate limit exceeded", "limit": "hourly", "allowed": 100, "retry_after": 7},
    ),
    (errors.NoCapacity(retry_after=3), 503, {"error": "No capacity, try again", "retry_after": 3}),
]


@pytest.mark.parametrize(("error", "status", "body"), CASES, ids=[type(error).__name__ for error, *_ in CASES])
async def test_the_table(error: errors.SandboxdError, status: int, body: dict[str, object]) -> None:
    """Each of the caller's errors has its status and its fields."""
    found_status, found_body, _ = await answered(error)
    assert (found_status, found_body) == (status, body)


def test_the_table_has_every_request_error() -> None:
    """No error of the caller's falls through to a 500."""
    tested = {type(error) for error, *_ in CASES}
    assert [kind for kind in tree(errors.RequestError)[1:] if kind not in tested] == []


@pytest.mark.parametrize(
    "error",
    [
        errors.StoreError("/secret/path is full"),
        errors.WorkerStartError("/secret/path"),
        errors.HouseError("/secret/path"),
        errors.SettingsError("/secret/path"),
        RuntimeError("/secret/path"),
        ExceptionGroup("/secret/path", [errors.StoreError("/secret/path")]),
        ExceptionGroup("/secret/path", [ValueError("/secret/path"), KeyError("/secret/path")]),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_what_is_ours_is_told_without_its_text(error: Exception) -> None:
    """The house's failures are 500 and their texts stay in the log."""
    status, body, _ = await answered(error)
    assert (status, body) == (500, {"error": "Internal server error"})


async def test_a_request_error_in_a_group_is_found() -> None:
    """What a nursery has wrapped is answered as what it is."""
    status, body, _ = await answered(ExceptionGroup("", [errors.NoCapacity(retry_after=1)]))
    assert (status, body["error"]) == (503, "No capacity, try again")


async def test_a_401_names_the_scheme() -> None:
    """Both kinds of 401 have WWW-Authenticate."""
    for error in (errors.MissingToken(), errors.InvalidToken()):
        assert (await answered(error))[2]["WWW-Authenticate"] == "Bearer"


async def test_rate_limit_headers_name_the_windows() -> None:
    """The exhausted window and all windows, in the fields' own syntax."""
    windows = [("hourly", 100, 3600), ("daily", 1000, 86_400)]
    _, _, headers = await answered(errors.QuotaExceeded(limit="hourly", allowed=100, retry_after=7, windows=windows))
    assert headers["Retry-After"] == "7"
    assert headers["RateLimit"] == '"hourly";r=0;t=7'
    assert headers["RateLimit-Policy"] == '"hourly";q=100;w=3600, "daily";q=1000;w=86400'


async def test_the_parallel_limit_is_in_the_policy_that_it_names() -> None:
    """A policy without a window says its unit instead."""
    _, _, headers = await answered(errors.QuotaExceeded(limit="concurrent", allowed=5, retry_after=1))
    assert headers["RateLimit-Policy"] == '"concurrent";q=5;qu="concurrent-requests"'


async def test_a_503_says_when_to_come_again() -> None:
    """Retry-After is the body's retry_after."""
    assert (await answered(errors.NoCapacity(retry_after=9)))[2]["Retry-After"] == "9"
