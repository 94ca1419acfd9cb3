"""The command line. Exit codes: 0 success, 1 the code's failure, 2 the caller's or operator's mistake."""

import functools
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ParamSpec

import click
import msgspec
import trio
from msgspec import Raw

from sandboxd import __version__
from sandboxd.auth.tokens import hash_token, new_token, token_id
from sandboxd.config import Settings, load_settings
from sandboxd.doctor import Finding, examine
from sandboxd.errors import PolicyError, SandboxdError, SettingsError
from sandboxd.executions.engine import open_engine, read_policy, rejected
from sandboxd.executions.source import refuse
from sandboxd.models import Failure, Outcome, Source, Status
from sandboxd.policy.decide import local_grant
from sandboxd.policy.explain import explain
from sandboxd.store import queries
from sandboxd.store.database import Database, open_database
from sandboxd.store.queries import StoredToken

P = ParamSpec("P")
SUCCESS, FAILED, MISTAKE, INTERRUPTED = 0, 1, 2, 130
LONGEST_NAME = 200
MOST_DAYS = 36_500
_LOCAL_POOL = {"ahead": 1, "running": 1, "waiting": 1}


def _mistakes(command: Callable[P, None]) -> Callable[P, None]:
    """What the caller or the operator did wrong is told on stderr, with exit code 2; Ctrl-C ends without a traceback."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except BaseException as raised:  # noqa: ASYNC103 not async: the program ends here
            problems = list(_leaves(raised))
            if any(isinstance(problem, KeyboardInterrupt) for problem in problems):
                sys.exit(INTERRUPTED)
            ours = [problem.message for problem in problems if isinstance(problem, SandboxdError)]
            if len(ours) < len(problems):
                raise
            for text in dict.fromkeys(ours):
                click.echo(f"sandboxd: {text}", err=True)
            sys.exit(MISTAKE)

    return wrapped


def _leaves(raised: BaseException) -> Iterator[BaseException]:
    """What nurseries have wrapped."""
    if isinstance(raised, BaseExceptionGroup):
        for inner in raised.exceptions:
            yield from _leaves(inner)
    else:
        yield raised


data_dir = click.option("--data-dir", envvar="SANDBOXD_DATA_DIR", metavar="DIR", help="The folder of the database.")
config_file = click.option("--config", envvar="SANDBOXD_CONFIG", metavar="FILE", help="A TOML file with settings.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="sandboxd")
def main() -> None:
    """Runs JavaScript nobody trusts, each execution in a fresh process of its own."""


# ------------------------------------------------------------------ the daemon


@main.command()
@click.option("--bind", metavar="HOST:PORT", help="Where to listen; port 0 takes a free one.")
@data_dir
@config_file
@_mistakes
def serve(bind: str | None, data_dir: str | None, config: str | None) -> None:
    """Run the daemon until SIGTERM."""
    from sandboxd import daemon  # the web framework costs half a second that no other command needs

    settings = load_settings(config=config, options={"bind": bind, "data_dir": data_dir})
    daemon.set_up_logging()
    trio.run(daemon.serve, settings)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of lines.")
@data_dir
@config_file
@_mistakes
def doctor(as_json: bool, data_dir: str | None, config: str | None) -> None:
    """Say what this machine gives the daemon, and what is missing."""
    findings = trio.run(examine, load_settings(config=config, options={"data_dir": data_dir}))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(findings)).decode())
    else:
        for finding in findings:
            click.echo(_finding_line(finding))
    sys.exit(SUCCESS if all(finding.ok for finding in findings) else FAILED)


def _finding_line(finding: Finding) -> str:
    remedy = f"; {finding.remedy}" if finding.remedy else ""
    return f"{'ok ' if finding.ok else 'NOT'} {finding.subject}: {finding.text}{remedy}"


# ------------------------------------------------------------------ one execution


profile_option = click.option("--profile", default="code-nodes", show_default=True, help="The profile to run under.")
language_option = click.option(
    "--typescript", "language", flag_value="typescript", default="javascript", help="The code is TypeScript."
)


@main.command()
@click.argument("file", type=click.File("r", encoding="utf-8"))
@click.option("--timeout-ms", type=int, help="Wall clock; the profile's default if absent.")
@click.option("--input", "input_json", default="null", metavar="JSON", help="The value of the global input.")
@profile_option
@language_option
@click.option("--json", "as_json", is_flag=True, help="The whole outcome as JSON.")
@config_file
@_mistakes
def run(
    file: Any, timeout_ms: int | None, input_json: str, profile: str, language: str, as_json: bool, config: str | None
) -> None:
    """Run FILE (- is standard input) in a worker of its own, by the daemon's own engine."""
    outcome = trio.run(_run_once, _local(config), _source(file, language), profile, timeout_ms, _json(input_json))
    (_print_json if as_json else _print_outcome)(outcome)
    sys.exit(SUCCESS if outcome.status is Status.succeeded else FAILED)


@main.command()
@click.argument("file", type=click.File("r", encoding="utf-8"))
@profile_option
@language_option
@config_file
@_mistakes
def validate(file: Any, profile: str, language: str, config: str | None) -> None:
    """Say whether FILE (- is standard input) would run, without running it."""
    failure = trio.run(_check_once, _local(config), _source(file, language), profile)
    if failure is None:
        click.echo("valid")
        return
    place = f" (line {failure.line}, column {failure.column})" if failure.line else ""
    click.echo(f"{_said(failure)}{place}")
    sys.exit(FAILED)


def _local(config: str | None) -> Settings:
    settings = load_settings(config=config)
    return msgspec.structs.replace(settings, pool=msgspec.structs.replace(settings.pool, **_LOCAL_POOL))


def _source(file: Any, language: str) -> Source:
    try:
        return Source(file.read(), language)
    except UnicodeDecodeError as problem:
        raise SettingsError(f"{file.name} is not UTF-8: {problem}") from None


def _json(text: str) -> Raw:
    """An option's value as JSON for a worker; not by the json module, which takes NaN and Infinity."""
    try:
        return msgspec.json.decode(text.encode(), type=Raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as problem:
        raise click.BadParameter(f"not JSON: {problem}", param_hint="--input") from None


async def _run_once(settings: Settings, source: Source, profile: str, timeout_ms: int | None, given: Raw) -> Outcome:
    policy = read_policy(settings)
    grant = local_grant(policy, profile, timeout_ms, field="--timeout-ms")
    if (finding := refuse(source.text, grant.limits.source_bytes)) is not None:
        return rejected(finding)
    async with open_engine(settings, policy, [profile]) as engine:
        engine.demand()
        return await engine.run(grant, source, user="local", input=given)


async def _check_once(settings: Settings, source: Source, profile: str) -> Failure | None:
    policy = read_policy(settings)
    grant = local_grant(policy, profile, None, field="--timeout-ms")
    if (finding := refuse(source.text, grant.limits.source_bytes)) is not None:
        return finding
    async with open_engine(settings, policy, [profile]) as engine:
        engine.demand()
        return await engine.check(grant, source, user="local")


def _said(failure: Failure) -> str:
    return failure.message if failure.kind == "finding" else f"{failure.name}: {failure.message}"


def _print_json(outcome: Outcome) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(outcome)).decode())


def _print_outcome(outcome: Outcome) -> None:
    for line in outcome.logs:
        click.echo(line.text)
    if outcome.failure is not None:
        where = f" (line {outcome.failure.line})" if outcome.failure.line else ""
        click.echo(f"{_said(outcome.failure)}{where}", err=True)
    elif outcome.value is not None:
        click.echo(bytes(outcome.value).decode())
    used, cut = outcome.usage, ", output cut at its limit" if outcome.truncated else ""
    click.echo(
        f"{outcome.status}: {used.wall_ms:.1f} ms wall, {used.cpu_ms:.1f} ms CPU, {used.memory_bytes / 2**20:.1f} MiB{cut}",
        err=True,
    )


# ------------------------------------------------------------------ tokens


@main.group()
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
@_mistakes
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
    click.echo(text)


@token.command("list")
@data_dir
@config_file
@_mistakes
def token_list(data_dir: str | None, config: str | None) -> None:
    """List tokens by their id, one a line: id, tenant, user, tier, created, state."""
    with _open(data_dir, config) as database, database.read() as connection:
        for stored in queries.list_tokens(connection):
            click.echo("\t".join((stored.id, stored.tenant, stored.user, stored.tier, _day(stored.created_ms), _state(stored))))


@token.command("revoke")
@click.argument("token_id")
@data_dir
@config_file
@_mistakes
def token_revoke(token_id: str, data_dir: str | None, config: str | None) -> None:
    """Revoke the token with this id; the daemon refuses it from its next request on."""
    database: Database
    with _open(data_dir, config) as database, database.write() as connection:
        found = queries.revoke_token(connection, token_id, now_ms=int(time.time() * 1000))
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


# ------------------------------------------------------------------ policy


@main.group()
def policy() -> None:
    """The rules that executions run under."""


@policy.command("check")
@config_file
@_mistakes
def policy_check(config: str | None) -> None:
    """Load all policy files; every problem is reported at once."""
    try:
        found = read_policy(load_settings(config=config))
    except PolicyError as error:
        for problem in error.problems:
            click.echo(problem, err=True)
        sys.exit(FAILED)
    click.echo(f"{len(found.profiles)} profiles, {len(found.tiers)} tiers: no problem")


@policy.command("explain")
@click.argument("profile")
@config_file
@_mistakes
def policy_explain(profile: str, config: str | None) -> None:
    """Say in words what PROFILE allows, and why."""
    found = read_policy(load_settings(config=config)).profiles
    if profile not in found:
        raise SettingsError(f"There is no profile {profile!r}; there are: {', '.join(sorted(found))}")
    click.echo(explain(profile, found[profile]))
