"""sandboxd token create, list, revoke. They work on the data directory, beside a running daemon or without one."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from sandboxd import audit
from sandboxd.auth.tokens import hash_token, new_token, token_id
from sandboxd.cli.common import config_file, data_dir, mistakes
from sandboxd.config import load_settings
from sandboxd.errors import SettingsError
from sandboxd.executions.engine import read_policy
from sandboxd.store import queries
from sandboxd.store.database import Database, open_database
from sandboxd.store.queries import StoredToken

LONGEST_NAME = 200
MOST_DAYS = 36_500


@click.group()
def token() -> None:
    """Tokens of callers."""


def _open(directory: str | None, config: str | None) -> Any:
    settings = load_settings(config=config, options={"data_dir": directory})
    return open_database(settings.data_path, synchronous="FULL")


def _name(_: click.Context, option: click.Parameter, value: str) -> str:
    """A name that stays on its place in a list of lines and tabs."""
    if not value.strip() or not value.isprintable() or len(value) > LONGEST_NAME:
        raise click.BadParameter(f"must be 1 to {LONGEST_NAME} printable characters", param=option)
    return value


def _days(_: click.Context, option: click.Parameter, value: float | None) -> float | None:
    if value is not None and not 0 < value <= MOST_DAYS:  # so that "nan" is refused too
        raise click.BadParameter(f"must be more than 0 and at most {MOST_DAYS} days", param=option)
    return value


@token.command("create")
@click.option("--user", required=True, callback=_name, help="Who calls.")
@click.option("--tenant", default="default", show_default=True, callback=_name, help="The customer the user belongs to.")
@click.option("--tier", default="starter", show_default=True, help="The subscription.")
@click.option("--expires", metavar="DAYS", type=float, callback=_days, help="Days until it expires; a fraction is fine.")
@data_dir
@config_file
@mistakes
def token_create(user: str, tenant: str, tier: str, expires: float | None, data_dir: str | None, config: str | None) -> None:
    """Make a token and print it; it is not kept and cannot be shown again."""
    tiers = read_policy(load_settings(config=config)).tiers
    if tier not in tiers:
        raise SettingsError(f"There is no tier {tier!r}; there are: {', '.join(tiers)}")
    text, now = new_token(), time.time()
    hashed = hash_token(text)
    stored = StoredToken(
        hash=hashed,
        id=token_id(hashed),
        tenant=tenant,
        user=user,
        tier=tier,
        created_ms=int(now * 1000),
        expires_ms=None if expires is None else int((now + timedelta(days=expires).total_seconds()) * 1000),
    )
    with _open(data_dir, config) as database, database.write() as connection:
        queries.insert_token(connection, stored)
        who: dict[str, Any] = {"tenant": tenant, "user": user, "tier": tier}
        audit.append(database.directory, "token created", token=stored.id, **who, expires_ms=stored.expires_ms)  # or it is not
    click.echo(text)


@token.command("list")
@data_dir
@config_file
@mistakes
def token_list(data_dir: str | None, config: str | None) -> None:
    """List tokens by their id, one a line: id, tenant, user, tier, created, state."""
    with _open(data_dir, config) as database, database.read() as connection:
        for stored in queries.list_tokens(connection):
            click.echo("\t".join((stored.id, stored.tenant, stored.user, stored.tier, _day(stored.created_ms), _state(stored))))


@token.command("revoke")
@click.argument("token_id")
@data_dir
@config_file
@mistakes
def token_revoke(token_id: str, data_dir: str | None, config: str | None) -> None:
    """Revoke the token with this id; the daemon refuses it from its next request on."""
    database: Database
    with _open(data_dir, config) as database, database.write() as connection:
        found = queries.revoke_token(connection, token_id, now_ms=int(time.time() * 1000))
        if found:
            audit.append(database.directory, "token revoked", token=token_id)
    if not found:
        raise SettingsError(f"There is no valid token with the id {token_id}")


def _day(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")


def _state(stored: StoredToken) -> str:
    if stored.revoked_ms is not None:
        return f"revoked {_day(stored.revoked_ms)}"
    if stored.expires_ms is None:
        return "valid"
    return f"{'expired' if stored.expires_ms <= time.time() * 1000 else 'valid until'} {_day(stored.expires_ms)}"
