"""docs/limits-and-errors.md: what the shipped policy allows, and everything that an answer may say."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from sandboxd import docstrings, errors
from sandboxd.api import code_nodes, executions
from sandboxd.api.execution_shapes import LONGEST_LIST, LONGEST_WAIT_S
from sandboxd.api.incoming import BODY_TIMEOUT_S, MAX_BODY_BYTES
from sandboxd.api.problems import TABLE, told
from sandboxd.api.words import MAX_ERROR_BYTES
from sandboxd.config import Settings
from sandboxd.executions.engine import read_policy
from sandboxd.models import Status
from sandboxd.policy.model import Policy, Profile
from tools.reference.markdown import size, table

_HEAD = """# Limits and errors

The limits are those of the policy files that are shipped; an operator has his own ([policy files](reference/policy.md)). A
caller asks the daemon for his: `GET /limits` with his token answers tier, quota and the limits of each door.

"""
_ERRORS = """
## Errors

Every answer that is not 2xx is JSON with `error`, a text for people that names the field, the limit or the setting. The status
is for programs. A failure of the code is no error of the API: it is a 200 with a status of its own (next section). A source
that code nodes refuse, and an action that is not valid, are a 400 that has the fields of the answer.

"""
_STATUSES = """
## How an execution ends

The first end stays. An action tells its executions' ends as failures of its report ([actions](actions.md)).

"""
_OPERATOR = """
## Errors of the operator

A command that meets one of these prints it and ends with exit code 2.

"""
_SAMPLES: dict[type[errors.SandboxdError], Any] = {
    errors.LimitExceeded: {"message": "", "limit": "", "allowed": 0, "requested": 0},
    errors.NotRunning: {"execution_id": "", "status": ""},
    errors.QuotaExceeded: {"limit": "hourly", "allowed": 0, "retry_after": 1},
    errors.NoCapacity: {"retry_after": 1},
}
_WHAT_TO_DO = {
    errors.MissingToken: "Send `Authorization: Bearer TOKEN`.",
    errors.InvalidToken: "Ask the operator for a token; this one is unknown, revoked or too old.",
    errors.SubscriptionRequired: "The token's tier does not open this door.",
    errors.FilesOff: "Ask the operator, or send the texts themselves.",
    errors.LimitExceeded: "Ask for at most `allowed`.",
    errors.BadRequest: "Change what the text names; the same request fails again.",
    errors.BodyTooLarge: "Send less.",
    errors.NotRunning: "Nothing: it has ended.",
    errors.NotFound: "It is not there, or belongs to somebody else.",
    errors.UnsupportedType: "Send JSON, or the source itself.",
    errors.QuotaExceeded: "Wait for `Retry-After` seconds. `limit` is concurrent, queued, hourly, daily or monthly.",
    errors.NoCapacity: "Wait for `Retry-After` seconds; nothing was counted.",
}
_FRAMEWORK = (
    (404, "Not Found", "There is no such path; a door may not be served."),
    (405, "Method Not Allowed", "`Allow` has the methods."),
    (408, "Request Timeout", f"The body did not come within {BODY_TIMEOUT_S} s."),
    (500, "Internal server error", "Ours; the log has it."),
)
_MEANING = {
    Status.queued: "It waits for a worker.",
    Status.running: "It runs.",
    Status.succeeded: "The code came to its end.",
    Status.failed: "The code threw, never settled, or gave a result that is no JSON.",
    Status.timed_out: "The wall clock ran out.",
    Status.memory_exceeded: "It used more memory than it may.",
    Status.output_exceeded: "Its result is too large. Of console text, which is cut, there is no such end.",
    Status.cancelled: "Its owner cancelled it.",
    Status.rejected: "The source was refused; nothing ran, and nothing was counted.",
    Status.crashed: "Its worker ended or was broken into; also what ran when the daemon was restarted.",
}


def page() -> str:
    """The page."""
    policy = read_policy(Settings())
    return "".join(
        (_HEAD, *_tiers(policy), *_profiles(policy), _requests(), _ERRORS, _errors(), *_ends(), _OPERATOR, _operator())
    )


def _tiers(policy: Policy) -> Iterator[str]:
    yield "## Tiers\n\nHow much one user may start over all doors, and for how many seconds at most by each.\n\n"
    rows = []
    for name, tier in policy.tiers.items():
        quota = [_or_none(each) for each in (tier.concurrent, tier.hourly, tier.daily, tier.monthly)]
        times = [access.max_timeout_ms // 1000 if (access := tier.access(door)) else "closed" for door in policy.profiles]
        rows.append((name, *quota, *times, tier.why))
    yield table("tier", "at once", "hourly", "daily", "monthly", *policy.profiles, "why", rows=rows)


def _or_none(count: int | None) -> str:
    return "no limit" if count is None else f"{count:,}"


def _profiles(policy: Policy) -> Iterator[str]:
    yield "\n## One execution\n"
    for name, profile in policy.profiles.items():
        yield f"\n### {name}\n\n{profile.why}\n\n" + table("limit", "", "why", rows=_limits(profile))


def _limits(profile: Profile) -> Iterator[tuple[str, str, str]]:
    limits = profile.limits
    wall, memory = limits.wall_ms, limits.memory_bytes
    yield "wall_ms", f"{wall.min:,} to {wall.max:,} ms, {wall.default:,} unless asked", wall.why
    chosen = f", {size(memory.usual)} unless asked, {size(memory.least)} at least" if memory.least is not None else ""
    yield "memory_bytes", size(memory.most) + chosen, memory.why
    for name in ("output_bytes", "result_bytes", "source_bytes"):
        yield name, size(getattr(limits, name).most), getattr(limits, name).why
    yield "depth", f"{limits.depth.most:,} levels", limits.depth.why
    if profile.fetch is None:
        yield "fetch", "none", "The profile has no `[fetch]`."
        return
    for name in profile.fetch.limits.__struct_fields__:
        limit = getattr(profile.fetch.limits, name)
        yield f"fetch.{name}", _shown(name, limit.most), limit.why


def _shown(name: str, most: int) -> str:
    return size(most) if name.endswith("bytes") else f"{most:,} ms" if name.endswith("ms") else f"{most:,}"


def _requests() -> str:
    queue, pool = Settings().queue, Settings().pool
    rows = (
        ("body of `/api/exec`", size(executions.MAX_BODY_BYTES), "413"),
        ("any other body", size(MAX_BODY_BYTES), "413"),
        ("time that a body may take to come", f"{BODY_TIMEOUT_S} s", "408"),
        ("`error` of an execution", size(MAX_ERROR_BYTES), "cut"),
        ("`?wait=` for an end", f"{LONGEST_WAIT_S} s", "400"),
        ("executions in a list", f"{LONGEST_LIST:,}", "400"),
        ("requests that wait for a worker (`pool.waiting`)", f"{pool.waiting:,}", "503"),
        ("time that one waits (`pool.wait_ms`)", f"{pool.wait_ms:,} ms", "503"),
        ("submitted executions that wait, of one user (`queue.per_user`)", f"{queue.per_user:,}", "429"),
        ("submitted executions that wait, in all (`queue.most`)", f"{queue.most:,}", "503"),
    )
    return "\n## Requests\n\n" + table("what", "at most", "beyond", rows=rows)


def _errors() -> str:
    rows = []
    for kind, (status, _) in TABLE.items():
        status, fields, headers = told(kind(**_SAMPLES.get(kind, {})))
        beside = ", ".join(f"`{name}`" for name in (*list(fields)[1:], *headers))  # the first is the error
        text = docstrings.of_struct(kind).partition(" ``")[0]
        rows.append((status, text, beside, _WHAT_TO_DO[kind]))
    rows += [(status, name, "`Allow`" if status == 405 else "", what) for status, name, what in _FRAMEWORK]
    rows.sort(key=lambda row: row[0])
    shown = [(f"{status} {HTTPStatus(status).phrase}", *rest) for status, *rest in rows]
    return table("status", "error", "beside it, and headers", "what to do", rows=shown)


def _ends() -> Iterator[str]:
    yield _STATUSES
    rows = [
        (
            status,
            code_nodes.word(status) if status not in (Status.queued, Status.running) else "",
            executions.WORDS[status],
            text,
        )
        for status, text in _MEANING.items()
    ]
    yield table("end", "code nodes", "executions", "", rows=rows)


def _operator() -> str:
    kinds: list[type[errors.SandboxdError]] = [errors.SettingsError, *errors.SettingsError.__subclasses__()]
    return table(
        "error", "", rows=((kind.__name__, (kind.__doc__ or "").splitlines()[0].partition(" ``")[0]) for kind in kinds)
    )
