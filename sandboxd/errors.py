"""One tree of errors: the docstring is the message, the class says whose failure it is.

``RequestError`` is the caller's (4xx), ``HouseError`` is ours (5xx), ``SettingsError`` is the operator's
(the program ends with exit code 2). A failure of the *user's code* is none of these: it is an outcome.
"""

from collections.abc import Iterator, Sequence
from typing import Any


class SandboxdError(Exception):
    """Something in sandboxd failed."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip().splitlines()[0])

    @property
    def message(self) -> str:
        """The text for people, without the class name."""
        return str(self.args[0])


def leaves(raised: BaseException) -> Iterator[BaseException]:
    """What was raised, without the groups that nurseries have wrapped it in."""
    if isinstance(raised, BaseExceptionGroup):
        for inner in raised.exceptions:
            yield from leaves(inner)
    else:
        yield raised


# ------------------------------------------------------------------ the caller's


class RequestError(SandboxdError):
    """The request cannot be served as it is."""


class MissingToken(RequestError):
    """Missing authorization header"""


class InvalidToken(RequestError):
    """Invalid or expired token"""


class SubscriptionRequired(RequestError):
    """Subscription to ai-automation required"""


class FilesOff(RequestError):
    """This daemon reads no files of actions; set actions.root in its configuration, SANDBOXD_ACTIONS_ROOT or --actions-root"""


class LimitExceeded(RequestError):
    """A limit of the caller's tier forbids this request.

    ``limit`` is the setting's name, ``allowed`` and ``requested`` are in its unit.
    """

    def __init__(self, message: str, *, limit: str, allowed: int, requested: int) -> None:
        super().__init__(message)
        self.limit, self.allowed, self.requested = limit, allowed, requested


class BadRequest(RequestError):
    """The request is malformed; the text names the field."""


class BodyTooLarge(RequestError):
    """Request body exceeds maximum size (1 MB)"""


class UnsupportedType(RequestError):
    """The body is of a type that is not taken."""


class NotFound(RequestError):
    """Not found"""


class NotRunning(RequestError):
    """What is asked for needs an execution that has not ended.

    ``status`` is the ``models.Status`` in which it is.
    """

    def __init__(self, execution_id: str, status: Any) -> None:
        super().__init__(f"Execution '{execution_id}' is not running (status: {status})")
        self.execution_id, self.status = execution_id, status


class QuotaExceeded(RequestError):
    """Rate limit exceeded

    ``limit`` is one of concurrent, queued, watching, hourly, daily, monthly; ``retry_after`` is in whole seconds, at least 1;
    ``windows`` are the caller's quotas as (name, allowed, seconds), for the RateLimit-Policy header.
    """

    def __init__(self, *, limit: str, allowed: int, retry_after: int, windows: Sequence[tuple[str, int, int]] = ()) -> None:
        super().__init__()
        self.limit, self.allowed, self.retry_after, self.windows = limit, allowed, retry_after, tuple(windows)


# ------------------------------------------------------------------ the house's


class HouseError(SandboxdError):
    """The daemon could not do its part."""


class NoCapacity(HouseError):
    """No capacity, try again

    ``retry_after`` is in whole seconds, at least 1.
    """

    def __init__(self, *, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after


class StoreError(HouseError):
    """The data directory cannot be read or written."""


class WorkerStartError(HouseError):
    """A worker did not come up; the text says at which step.

    ``part`` is what fails: pool (this worker), source (what makes the workers) or jail.
    """

    def __init__(self, message: str | None = None, *, part: str = "pool") -> None:
        super().__init__(message)
        self.part = part


class ProtocolError(SandboxdError):
    """A worker broke the protocol; it is killed and its execution ends as crashed."""


# ------------------------------------------------------------------ the operator's


class SettingsError(SandboxdError):
    """A setting, a policy file or the machine does not allow the daemon to start."""


class DataDirectoryLocked(SettingsError):
    """The data directory is in use by another sandboxd."""


class SchemaTooNew(SettingsError):
    """The data directory was written by a newer sandboxd."""


class RemoteError(SettingsError):
    """The daemon at a URL refuses, or cannot be reached."""


class JailError(SettingsError):
    """A layer of the jail cannot be had on this machine. ``findings`` are the ``models.JailLayer`` of all of them."""

    def __init__(self, message: str, findings: Sequence[Any] = ()) -> None:
        super().__init__(message)
        self.findings = tuple(findings)


class PolicyError(SettingsError):
    """A policy file is wrong. ``problems`` lists all of them, each as "file: key: what"."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("The policy cannot be loaded:\n" + "\n".join(f"  {p}" for p in problems))
        self.problems = tuple(problems)
