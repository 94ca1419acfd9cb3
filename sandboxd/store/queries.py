"""Every SQL statement of the store, as plain functions on a connection. Who calls decides on the transaction.

Statements are built once, so that SQLAlchemy finds them compiled; times are milliseconds since the epoch.
"""

from collections.abc import Sequence
from functools import cache

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import Connection, Select, bindparam, delete, func, insert, literal_column, select, true, update

from sandboxd.models import Principal, Status
from sandboxd.store.prepared import Prepared
from sandboxd.store.schema import executions, tokens


class StoredToken(Struct, frozen=True):
    """One row of ``tokens``, in the order of its columns."""

    hash: str
    id: str
    tenant: str
    user: str
    tier: str
    created_ms: int
    expires_ms: int | None = None
    revoked_ms: int | None = None


class Opening(Struct, frozen=True):
    """What is known of an execution before it runs. ``source`` only where the profile says it is kept."""

    id: str
    door: str
    profile: str
    code_sha256: str
    source: str | None = None


class Closing(Struct, frozen=True):
    """What became of an execution. ``output`` only where the profile says it is kept."""

    id: str
    status: Status
    finished_ms: int
    cpu_ms: float | None = None
    memory_bytes: int | None = None
    wall_ms: float | None = None
    error_name: str | None = None
    output: str | None = None


# ---------------------------------------------------------------- tokens

_insert_token = insert(tokens)
_find_token = Prepared(select(tokens).where(tokens.c.hash == bindparam("hash")), ["hash"])
_list_tokens = select(tokens).order_by(tokens.c.created_ms, tokens.c.id)
_revoke_token = (
    update(tokens)
    .where(tokens.c.id == bindparam("token_id"))
    # The first revocation stands: it says since when the token has been useless.
    .values(revoked_ms=func.coalesce(tokens.c.revoked_ms, bindparam("now_ms")))
)


def insert_token(connection: Connection, token: StoredToken) -> None:
    """Keep a new token. A hash or an id that is there already is an IntegrityError."""
    connection.execute(_insert_token, asdict(token))


def find_token(connection: Connection, token_hash: str) -> StoredToken | None:
    """The token with this hash, whether it is still good or not."""
    row = _find_token.run(connection, {"hash": token_hash}).fetchone()
    return None if row is None else StoredToken(*row)


def list_tokens(connection: Connection) -> list[StoredToken]:
    """All tokens, the oldest first."""
    return [StoredToken(**row._mapping) for row in connection.execute(_list_tokens)]


def revoke_token(connection: Connection, token_id: str, *, now_ms: int) -> bool:
    """Make a token useless for good; False when no token has this id."""
    return connection.execute(_revoke_token, {"token_id": token_id, "now_ms": now_ms}).rowcount == 1


# ---------------------------------------------------------------- executions

# A literal, not a parameter: only so does SQLite use the index that holds nothing but running rows.
_is_running = executions.c.status == literal_column("'running'")
_this = executions.c.id == bindparam("execution_id")

_open_execution = Prepared(
    insert(executions).values(counted=True), [*Opening.__struct_fields__, *Principal.__struct_fields__, "started_ms", "status"]
)
_forget_execution = delete(executions).where(_this)
_complete = update(executions).where(_this, _is_running)  # the first terminal status wins
_closing_values = [*Closing.__struct_fields__[1:], "execution_id"]
_close_execution = Prepared(_complete, _closing_values)
_uncount_execution = Prepared(_complete.values(counted=False), _closing_values)
_close_orphans = update(executions).where(_is_running).values(status=Status.crashed.value, finished_ms=bindparam("now_ms"))


_count_starts = Prepared(
    select(func.count()).where(
        executions.c.tenant == bindparam("tenant"),
        executions.c.user == bindparam("user"),
        executions.c.counted == true(),
        executions.c.started_ms > bindparam("since_ms"),
    ),
    ["tenant", "user", "since_ms"],
)


def open_execution(
    connection: Connection, opening: Opening, principal: Principal, *, started_ms: int, status: Status = Status.running
) -> None:
    """Take one from the principal's quota and begin the record: a counted row that is ``running`` or ``queued``."""
    _open_execution.run(connection, {**asdict(opening), **asdict(principal), "started_ms": started_ms, "status": status.value})


def forget_execution(connection: Connection, execution_id: str) -> None:
    """Give back a take that never ran, with its record. An unknown id is no error: it may have been undone before."""
    connection.execute(_forget_execution, {"execution_id": execution_id})


def close_executions(connection: Connection, closings: Sequence[Closing]) -> None:
    """Complete running records; one that is complete already stays as it is."""
    _close_execution.run_each(connection, [_close_parameters(closing) for closing in closings])


def uncount_execution(connection: Connection, closing: Closing) -> None:
    """Complete a running record and give its take back: it stays visible but counts against no window."""
    _uncount_execution.run(connection, _close_parameters(closing))


def close_orphans(connection: Connection, *, now_ms: int) -> int:
    """Complete what an earlier life of the daemon left running as ``crashed``; it stays counted. Answers how many."""
    return connection.execute(_close_orphans, {"now_ms": now_ms}).rowcount


def _close_parameters(closing: Closing) -> dict[str, object]:
    values = asdict(closing)
    values["execution_id"] = values.pop("id")
    values["status"] = closing.status.value
    return values


def nth_newest_starts(
    connection: Connection, tenant: str, user: str, asked: Sequence[tuple[int, int]]
) -> tuple[int | None, ...]:
    """For each (n, since_ms): the start of the user's n-th newest counted execution that is later than ``since_ms``.

    None when there are fewer than n. All are answered by one statement, each from the end of one index.
    """
    if not asked:
        return ()
    parameters: dict[str, object] = {"tenant": tenant, "user": user}
    for place, (n, since_ms) in enumerate(asked):
        parameters[f"skip_{place}"], parameters[f"since_{place}"] = max(n - 1, 0), since_ms
    return tuple(_nth_newest_starts(len(asked)).run(connection, parameters).fetchone())


def count_starts(connection: Connection, tenant: str, user: str, *, since_ms: int) -> int:
    """How many counted executions of the user's started later than ``since_ms``; takes as long as there are many."""
    row = _count_starts.run(connection, {"tenant": tenant, "user": user, "since_ms": since_ms}).fetchone()
    return int(row[0])


@cache
def _nth_newest_starts(count: int) -> Prepared:
    def nth(place: int) -> Select[tuple[int]]:
        return (
            select(executions.c.started_ms)
            .where(
                executions.c.tenant == bindparam("tenant"),
                executions.c.user == bindparam("user"),
                executions.c.counted == true(),
                executions.c.started_ms > bindparam(f"since_{place}"),
            )
            .order_by(executions.c.started_ms.desc())
            .limit(1)
            .offset(bindparam(f"skip_{place}"))
        )

    names = ["tenant", "user", *(f"{name}_{place}" for place in range(count) for name in ("skip", "since"))]
    return Prepared(select(*(nth(place).scalar_subquery() for place in range(count))), names)
