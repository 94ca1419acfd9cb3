"""sandboxd config show, sandboxd config example."""

import click
import msgspec

from sandboxd.cli.common import actions_root, bind, config_file, data_dir, mistakes
from sandboxd.config import load
from sandboxd.config_reference import effective, example, toml


@click.group()
def config() -> None:
    """The settings of the daemon."""


@config.command("show")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of lines.")
@bind
@data_dir
@actions_root
@config_file
@mistakes
def show(as_json: bool, bind: str | None, data_dir: str | None, actions_root: str | None, config: str | None) -> None:
    """Print every setting that `serve` would have with the same options, and where it comes from."""
    found = effective(load(config=config, options={"bind": bind, "data_dir": data_dir, "actions.root": actions_root}))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
    else:
        for setting in found:
            click.echo(f"{setting.key} = {toml(setting.value)}  # {setting.origin}")


@config.command("example")
def show_example() -> None:
    """Print a configuration file with every setting at its default, and what it means."""
    click.echo(example())
