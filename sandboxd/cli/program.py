"""The program and its commands. Exit codes: 0 success, 1 the code's failure, 2 the caller's or operator's mistake."""

import click

from sandboxd import __version__
from sandboxd.cli.action import action
from sandboxd.cli.backup import backup, restore
from sandboxd.cli.config import config
from sandboxd.cli.daemon import doctor, serve
from sandboxd.cli.execution import run, validate
from sandboxd.cli.policy import policy
from sandboxd.cli.remote import execute, executions
from sandboxd.cli.tokens import token


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="sandboxd")
def main() -> None:
    """Runs JavaScript nobody trusts, each execution in a fresh process of its own."""


for command in (serve, doctor, config, run, validate, execute, executions, action, token, policy, backup, restore):
    main.add_command(command)
