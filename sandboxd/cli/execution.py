"""sandboxd run, sandboxd validate: the daemon's own engine, without HTTP, tokens or records."""

import sys
from typing import Any

import click
import msgspec
import trio
from msgspec import Raw

from sandboxd.cli.common import FAILED, SUCCESS, config_file, local_settings, mistakes, read_code
from sandboxd.config import Settings
from sandboxd.executions.engine import open_engine, read_policy, rejected
from sandboxd.executions.source import refuse
from sandboxd.logs import set_up_logging
from sandboxd.models import Failure, Outcome, Source, Status
from sandboxd.policy.decide import local_grant

profile_option = click.option("--profile", default="code-nodes", show_default=True, help="The profile to run under.")
language_option = click.option(
    "--typescript", "language", flag_value="typescript", default="javascript", help="The code is TypeScript."
)


@click.command()
@click.argument("file", type=click.File("r", encoding="utf-8"))
@click.option("--timeout-ms", type=int, help="Wall clock; the profile's default if absent.")
@click.option("--input", "input_json", default="null", metavar="JSON", help="The value of the global input.")
@profile_option
@language_option
@click.option("--json", "as_json", is_flag=True, help="The whole outcome as JSON.")
@config_file
@mistakes
def run(
    file: Any, timeout_ms: int | None, input_json: str, profile: str, language: str, as_json: bool, config: str | None
) -> None:
    """Run FILE (- is standard input) in a worker of its own, by the daemon's own engine."""
    set_up_logging("warning")  # of a call that was refused the code is told, and can tell
    outcome = trio.run(
        _run_once, local_settings(config), Source(read_code(file), language), profile, timeout_ms, _json(input_json)
    )
    (_print_json if as_json else _print_outcome)(outcome)
    sys.exit(SUCCESS if outcome.status is Status.succeeded else FAILED)


@click.command()
@click.argument("file", type=click.File("r", encoding="utf-8"))
@profile_option
@language_option
@config_file
@mistakes
def validate(file: Any, profile: str, language: str, config: str | None) -> None:
    """Say whether FILE (- is standard input) would run, without running it."""
    failure = trio.run(_check_once, local_settings(config), Source(read_code(file), language), profile)
    if failure is None:
        click.echo("valid")
        return
    place = f" (line {failure.line}, column {failure.column})" if failure.line else ""
    click.echo(f"{_said(failure)}{place}")
    sys.exit(FAILED)


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
    lines = [{"level": line.level, "text": line.text} for line in outcome.logs]  # as messages they have a type besides
    whole = msgspec.structs.asdict(outcome) | {"logs": lines}
    click.echo(msgspec.json.format(msgspec.json.encode(whole)).decode())


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
