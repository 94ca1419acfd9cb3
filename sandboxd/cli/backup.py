"""sandboxd backup, sandboxd restore."""

from pathlib import Path

import click

from sandboxd.cli.common import config_file, data_dir, mistakes
from sandboxd.config import load_settings
from sandboxd.store.backup import Copied, back_up
from sandboxd.store.backup import restore as put_back


def _told(copied: Copied) -> str:
    size = f"{copied.size_bytes / 2**20:.1f} MB"
    return f"{size}, {copied.executions} executions, {copied.tokens} tokens, schema {copied.revision}; read through, and whole"


@click.command()
@click.argument("to", type=click.Path(path_type=Path))
@data_dir
@config_file
@mistakes
def backup(to: Path, data_dir: str | None, config: str | None) -> None:
    """Copy the data directory into TO, a folder that is made, while a daemon runs on it or not."""
    directory = load_settings(config=config, options={"data_dir": data_dir}).data_path
    click.echo(f"{directory} was copied to {to}: {_told(back_up(directory, to))}")


@click.command()
@click.argument("source", metavar="FROM", type=click.Path(path_type=Path))
@data_dir
@config_file
@mistakes
def restore(source: Path, data_dir: str | None, config: str | None) -> None:
    """Put the copy FROM into the data directory, which must be empty or not there."""
    directory = load_settings(config=config, options={"data_dir": data_dir}).data_path
    click.echo(f"{source} was put into {directory}: {_told(put_back(source, directory))}")
