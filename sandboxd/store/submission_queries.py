"""Submitted executions: accepted, begun, ended, listed and removed. A status is that of their row in ``executions``."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import Connection, bindparam, delete, false, func, insert, literal_column, null, select, update

from sandboxd.models import Principal, Status
from sandboxd.store.journal_queries import QUEUED, SOURCE, Entry, append, forget_journal, forget_some, source_of, total
from sandboxd.store.prepared import Prepared
from sandboxd.store.queries import Closing, forget_execution
from sandboxd.store.schema import executions, submissions


class Submission(Struct, frozen=True):
    """What was asked and granted, but for the source. `tags` is JSON."""

    execution_id: str
    language: str
    wall_ms: int
    memory_bytes: int
    session: str | None
    tags: str
    key: str | None
    asked_sha256: str


class Stored(Struct, frozen=True):
    """One submitted execution as its owner may see it. `result` and `failure` are JSON; a list leaves them out."""

    number: int
    id: str
    status: str
    submitted_ms: int
    begun_ms: int | None
    ended_ms: int | None
    wall_ms: int
    memory_bytes: int
    session: str | None
    tags: str
    truncated: int
    cpu_ms: float | None
    used_bytes: int | None
    used_ms: float | None
    result: str | None = None
    failure: str | None = None


class Open(Struct, frozen=True):
    """One that has not ended."""

    id: str
    tenant: str
    user: str
    tier: str
    profile: str
    status: str


class Ended(Struct, frozen=True):
    """One that is kept although it has ended."""

    id: str
    size_bytes: int
    ended_ms: int


class Terms(Struct, frozen=True):
    """Under which terms one was accepted."""

    door: str
    profile: str
    tier: str
    wall_ms: int
    memory_bytes: int
    language: str


_this = submissions.c.execution_id == bindparam("this")
_owner = (
    submissions.c.tenant == bindparam("tenant"),
    submissions.c.user == bindparam("user"),
    submissions.c.removed == false(),
)
_of_execution = executions.c.id == bindparam("this")
_joined = submissions.join(executions, executions.c.id == submissions.c.execution_id)
_shown = (
    submissions.c.number,
    executions.c.id,
    executions.c.status,
    executions.c.started_ms,
    submissions.c.begun_ms,
    submissions.c.ended_ms,
    submissions.c.wall_ms,
    submissions.c.memory_bytes,
    submissions.c.session,
    submissions.c.tags,
    submissions.c.truncated,
    executions.c.cpu_ms,
    executions.c.memory_bytes,
    executions.c.wall_ms,
)

_insert = Prepared(
    insert(submissions).values(truncated=False, removed=False),
    [*Submission.__struct_fields__, "tenant", "user", "size_bytes"],
)
_by_key = Prepared(
    select(submissions.c.execution_id, submissions.c.asked_sha256).where(*_owner, submissions.c.key == bindparam("key")),
    ["tenant", "user", "key"],
)
_standing = Prepared(select(executions.c.status, executions.c.door, executions.c.profile).where(_of_execution), ["this"])
_run = Prepared(
    update(executions)
    .where(_of_execution, executions.c.status == literal_column("'queued'"))
    .values(status=Status.running.value),
    ["this"],
)
_begin = Prepared(update(submissions).where(_this), ["this", "begun_ms"])
_terms = Prepared(
    select(
        executions.c.door,
        executions.c.profile,
        executions.c.tier,
        submissions.c.wall_ms,
        submissions.c.memory_bytes,
        submissions.c.language,
    )
    .select_from(_joined)
    .where(_this),
    ["this"],
)
_close = Prepared(
    update(executions).where(_of_execution, executions.c.status.in_([literal_column("'queued'"), literal_column("'running'")])),
    ["this", "counted", *Closing.__struct_fields__[1:]],
)
_end = Prepared(
    update(submissions).where(_this).values(size_bytes=submissions.c.size_bytes + bindparam("more_bytes")),
    ["this", "ended_ms", "result", "failure", "more_bytes"],
)
_truncate = Prepared(update(submissions).where(_this).values(truncated=True), ["this"])
_find = Prepared(
    select(*_shown, submissions.c.result, submissions.c.failure).select_from(_joined).where(_this, *_owner),
    ["this", "tenant", "user"],
)
_list = Prepared(
    select(*_shown)
    .select_from(_joined)
    .where(*_owner, submissions.c.number < bindparam("before"))
    .order_by(submissions.c.number.desc())
    .limit(bindparam("most")),
    ["tenant", "user", "before", "most"],
)
_number = Prepared(select(submissions.c.number).where(_this, *_owner), ["this", "tenant", "user"])
_open = (
    select(*(executions.c[name] for name in Open.__struct_fields__))
    .select_from(_joined)
    .where(submissions.c.ended_ms.is_(null()))
    .order_by(submissions.c.number)
)
_kept_bytes = select(func.coalesce(func.sum(submissions.c.size_bytes), 0)).where(submissions.c.ended_ms.is_not(null()))
_oldest = (
    select(submissions.c.execution_id, submissions.c.size_bytes, submissions.c.ended_ms)
    .where(submissions.c.ended_ms.is_not(null()))
    .order_by(submissions.c.ended_ms)
    .limit(bindparam("most"))
)
_hide = Prepared(update(submissions).where(_this).values(removed=True, key=null()), ["this"])
_forget = Prepared(delete(submissions).where(_this), ["this"])


def insert_submission(
    connection: Connection, principal: Principal, submission: Submission, source: str, *, now_ms: int
) -> None:
    """Keeps what was asked, beside an execution that was opened as ``queued``, and begins its journal."""
    owner = {"tenant": principal.tenant, "user": principal.user}
    _insert.run(connection, {**asdict(submission), **owner, "size_bytes": len(source.encode())})
    entries = [Entry(SOURCE, now_ms, "source", source), Entry(QUEUED, now_ms, "queued", "{}")]
    append(connection, submission.execution_id, entries)


def find_key(connection: Connection, principal: Principal, key: str) -> tuple[str, str] | None:
    """The execution that this user has submitted under the key, and the hash of what he asked."""
    row = _by_key.run(connection, {"tenant": principal.tenant, "user": principal.user, "key": key}).fetchone()
    return None if row is None else (row[0], row[1])


def terms_of(connection: Connection, execution_id: str) -> Terms:
    """Those of an execution that there is."""
    return Terms(*_terms.run(connection, {"this": execution_id}).fetchone())


def begin(connection: Connection, execution_id: str, started: Entry) -> str | None:
    """From ``queued`` to ``running``, which `started` says in the journal. Answers the source, None if it is not queued."""
    if _run.run(connection, {"this": execution_id}).rowcount == 0:
        return None
    _begin.run(connection, {"this": execution_id, "begun_ms": started.at_ms})
    append(connection, execution_id, [started])
    return source_of(connection, execution_id)


def standing_of(connection: Connection, execution_id: str) -> tuple[Status, tuple[str, str]]:
    """Where an execution stands that there is; its door and profile."""
    status, door, profile = _standing.run(connection, {"this": execution_id}).fetchone()
    return Status(status), (door, profile)


def end(
    connection: Connection, closing: Closing, *, counted: bool = True, result: str | None = None, failure: str | None = None
) -> bool:
    """Completes the record of one that is queued or runs. False when it had ended before: the first terminal status wins."""
    values = {**asdict(closing), "this": closing.id, "counted": counted, "status": closing.status.value}
    if _close.run(connection, values).rowcount == 0:
        return False
    note_end(connection, closing.id, now_ms=closing.finished_ms, result=result, failure=failure)
    return True


def note_end(
    connection: Connection, execution_id: str, *, now_ms: int, result: str | None = None, failure: str | None = None
) -> None:
    """What became of it, beside the record."""
    more = total(connection, execution_id).bytes + len((result or "").encode())
    values = {"this": execution_id, "ended_ms": now_ms, "result": result, "failure": failure, "more_bytes": more}
    _end.run(connection, values)


def note_truncated(connection: Connection, execution_id: str) -> None:
    """Its output has met the limit."""
    _truncate.run(connection, {"this": execution_id})


def find_submission(connection: Connection, principal: Principal, execution_id: str) -> Stored | None:
    """One of the user's own."""
    row = _find.run(connection, {"this": execution_id, "tenant": principal.tenant, "user": principal.user}).fetchone()
    return None if row is None else Stored(*row)


def list_submissions(connection: Connection, principal: Principal, *, limit: int, before: str | None) -> list[Stored] | None:
    """The user's own, the newest first, those before one of them; None when there is no such one."""
    owner = {"tenant": principal.tenant, "user": principal.user}
    number = 2**62
    if before is not None:
        row = _number.run(connection, {"this": before, **owner}).fetchone()
        if row is None:
            return None
        number = row[0]
    return [Stored(*row) for row in _list.run(connection, {**owner, "before": number, "most": limit})]


def open_submissions(connection: Connection) -> list[Open]:
    """Those that have not ended, in the order in which they were accepted."""
    return [Open(*row) for row in connection.execute(_open)]


def kept_bytes(connection: Connection) -> int:
    """Source, output and results of all that have ended."""
    return int(connection.execute(_kept_bytes).scalar_one())


def oldest_ended(connection: Connection, most: int) -> list[Ended]:
    """Those that ended first."""
    return [Ended(*row) for row in connection.execute(_oldest, {"most": most})]


def hide(connection: Connection, ids: Sequence[str]) -> None:
    """Their owners see them no more, and their keys are free."""
    for execution_id in ids:
        _hide.run(connection, {"this": execution_id})


def remove(connection: Connection, ids: Sequence[str], rows: int) -> Sequence[str]:
    """Removes them with their journals, as far as that is so many rows; answers those that are left. Their records stay."""
    for place, execution_id in enumerate(ids):
        rows -= forget_some(connection, execution_id, rows)
        if rows <= 0:
            return ids[place:]
        _forget.run(connection, {"this": execution_id})
    return ()


def forget_submission(connection: Connection, execution_id: str) -> None:
    """As if it had never been asked for: an unknown id is no error."""
    forget_journal(connection, execution_id)
    _forget.run(connection, {"this": execution_id})
    forget_execution(connection, execution_id)
