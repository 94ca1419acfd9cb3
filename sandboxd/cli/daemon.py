"""sandboxd serve, sandboxd doctor."""

import sys

import click
import msgspec
import trio

from sandboxd.cli.common import FAILED, SUCCESS, actions_root, bind, config_file, data_dir, mistakes
from sandboxd.config import load_settings
from sandboxd.doctor import Finding, examine
from sandboxd.logs import set_up_logging


@click.command()
@bind
@data_dir
@actions_root
@config_file
@mistakes
def serve(bind: str | None, data_dir: str | None, actions_root: str | None, config: str | None) -> None:
    """Run the daemon until SIGTERM."""
    settings = load_settings(config=config, options={"bind": bind, "data_dir": data_dir, "actions.root": actions_root})
    from sandboxd import daemon  # the web framework costs half a second that no other command needs

    set_up_logging(settings.log_level)
    trio.run(daemon.serve, settings)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of lines.")
@data_dir
@config_file
@mistakes
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
