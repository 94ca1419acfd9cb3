"""What all commands share: exit codes, how mistakes are told, options."""

import functools
import sys
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec

import click
from msgspec.structs import replace

from sandboxd.config import Settings, load_settings
from sandboxd.errors import SandboxdError, SettingsError, leaves

P = ParamSpec("P")
_LOCAL_POOL = {"ahead": 1, "running": 1, "waiting": 1}
SUCCESS, FAILED, MISTAKE, INTERRUPTED = 0, 1, 2, 130


def mistakes(command: Callable[P, None]) -> Callable[P, None]:
    """What the caller or the operator did wrong is told on stderr, with exit code 2; Ctrl-C ends without a traceback."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except BaseException as raised:  # noqa: ASYNC103 not async: the program ends here
            problems = list(leaves(raised))
            if any(isinstance(problem, KeyboardInterrupt) for problem in problems):
                sys.exit(INTERRUPTED)
            ours = [problem.message for problem in problems if isinstance(problem, SandboxdError)]
            if len(ours) < len(problems):
                raise
            for text in dict.fromkeys(ours):
                click.echo(f"sandboxd: {text}", err=True)
            sys.exit(MISTAKE)

    return wrapped


def read_code(file: Any) -> str:
    """What is in a file of click's. Raises SettingsError where that is not UTF-8."""
    try:
        return str(file.read())
    except UnicodeDecodeError as problem:
        raise SettingsError(f"{file.name} is not UTF-8: {problem}") from None


# The variables that stand for these are read with the settings, which know where each came from.
data_dir = click.option("--data-dir", metavar="DIR", help="The folder of the database.")
config_file = click.option("--config", metavar="FILE", help="A TOML file with settings.")
actions_root = click.option("--actions-root", metavar="DIR", help="The folder of actions' files.")
bind = click.option("--bind", metavar="HOST:PORT", help="Where to listen; port 0 takes a free one.")


def local_settings(config: str | None, options: Mapping[str, str | None] | None = None) -> Settings:
    """The settings of a command that executes by itself, one thing after the other."""
    settings = load_settings(config=config, options=options)
    return replace(settings, pool=replace(settings.pool, **_LOCAL_POOL))
