"""sandboxd policy check, sandboxd policy explain."""

import sys

import click

from sandboxd.cli.common import FAILED, SUCCESS, config_file, mistakes
from sandboxd.config import load_settings
from sandboxd.errors import PolicyError, SettingsError
from sandboxd.executions.engine import read_calls, read_policy, read_policy_files
from sandboxd.jail import seccomp
from sandboxd.policy.explain import explain, explain_url
from sandboxd.pool.runtime import PHASES, choose_workers, find_node, switches
from sandboxd.toml_reader import Reader


@click.group()
def policy() -> None:
    """The rules that executions run under."""


@policy.command("check")
@config_file
@mistakes
def policy_check(config: str | None) -> None:
    """Load all policy files; every problem is reported at once."""
    try:
        settings = load_settings(config=config)
        found = read_policy(settings)
        read_calls(settings)
    except PolicyError as error:
        for problem in error.problems:
            click.echo(problem, err=True)
        sys.exit(FAILED)
    click.echo(f"{len(found.profiles)} profiles, {len(found.tiers)} tiers: no problem")


@policy.command("explain")
@click.argument("profile")
@click.argument("url", required=False)
@config_file
@mistakes
def policy_explain(profile: str, url: str | None, config: str | None) -> None:
    """Say in words what PROFILE allows, and why; of the system calls, to the kind of workers that this machine would use.

    With URL: whether code may ask for it, and which line decides; exit code 1 if it may not.
    """
    settings = load_settings(config=config)
    found = read_policy(settings).profiles
    if profile not in found:
        raise SettingsError(f"There is no profile {profile!r}; there are: {', '.join(sorted(found))}")
    if url is not None:
        file = f"profiles/{profile}.toml"
        allowed, text = explain_url(Reader(file, read_policy_files(settings)[file], []), found[profile], url)
        click.echo(text)
        sys.exit(SUCCESS if allowed else FAILED)
    click.echo(explain(profile, found[profile]))
    workers, _ = choose_workers(find_node(settings.node), settings.pool.workers)
    for phase in PHASES[workers]:
        click.echo()
        click.echo(seccomp.explain(read_calls(settings), phase, switches(found[profile]), seccomp.host()))
