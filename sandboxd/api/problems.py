"""Errors as HTTP: one table from the error tree to status, body and headers. Always JSON."""

from collections.abc import Mapping
from typing import Any

import structlog
from quart import Quart, Response
from werkzeug.exceptions import HTTPException

from sandboxd import errors
from sandboxd.api.guard import answer

log = structlog.get_logger()
Headers = Mapping[str, str]


def _unauthorized(_: errors.RequestError) -> tuple[dict[str, Any], Headers]:
    return {}, {"WWW-Authenticate": "Bearer"}


def _limit(error: errors.LimitExceeded) -> tuple[dict[str, Any], Headers]:
    return {"limit": error.limit, "allowed": error.allowed, "requested": error.requested}, {}


def _body_limit(_: errors.BodyTooLarge) -> tuple[dict[str, Any], Headers]:
    return {"limit": "max_body_bytes"}, {}


def _quota(error: errors.QuotaExceeded) -> tuple[dict[str, Any], Headers]:
    """The IETF's RateLimit fields: what is exhausted and for how long, and the policy, in which that has its entry."""
    policy = [f'"{name}";q={allowed};w={seconds}' for name, allowed, seconds in error.windows]
    if error.limit in ("concurrent", "queued", "watching"):  # these count requests, and have no window
        policy.insert(0, f'"{error.limit}";q={error.allowed};qu="{error.limit}-requests"')
    headers = {
        "Retry-After": str(error.retry_after),
        "RateLimit": f'"{error.limit}";r=0;t={error.retry_after}',
        "RateLimit-Policy": ", ".join(policy),
    }
    return {"limit": error.limit, "allowed": error.allowed, "retry_after": error.retry_after}, headers


def _busy(error: errors.NoCapacity) -> tuple[dict[str, Any], Headers]:
    return {"retry_after": error.retry_after}, {"Retry-After": str(error.retry_after)}


def _plain(_: errors.SandboxdError) -> tuple[dict[str, Any], Headers]:
    return {}, {}


TABLE: Mapping[type[errors.SandboxdError], tuple[int, Any]] = {
    errors.MissingToken: (401, _unauthorized),
    errors.InvalidToken: (401, _unauthorized),
    errors.SubscriptionRequired: (403, _plain),
    errors.FilesOff: (403, _plain),
    errors.LimitExceeded: (403, _limit),
    errors.BadRequest: (400, _plain),
    errors.BodyTooLarge: (413, _body_limit),
    errors.NotRunning: (400, _plain),
    errors.NotFound: (404, _plain),
    errors.UnsupportedType: (415, _plain),
    errors.QuotaExceeded: (429, _quota),
    errors.NoCapacity: (503, _busy),
}
"""Status, and what makes fields and headers, for each error that a caller is told of."""


def told(error: Exception) -> tuple[int, dict[str, Any], Headers]:
    """Status, fields and headers of the answer. What is ours and unexpected is logged, and told without its text."""
    if isinstance(error, errors.SandboxdError) and type(error) in TABLE:
        status, more = TABLE[type(error)]
        fields, headers = more(error)
        return status, {"error": error.message, **fields}, headers
    if isinstance(error, HTTPException):
        headers = {name: value for name, value in error.get_headers() if name.lower() == "allow"}
        return error.code or 500, {"error": error.name}, headers
    if isinstance(error, errors.SandboxdError):
        log.error("request failed", error=type(error).__name__, text=error.message)
    else:
        log.exception("request failed", error=type(error).__name__, exc_info=error)
    return 500, {"error": "Internal server error"}, {}


def install(app: Quart) -> None:
    """Makes every error of the app JSON."""

    @app.errorhandler(Exception)
    async def problem(error: Exception) -> Response:
        status, fields, headers = told(error)
        return answer(fields, status, headers)
