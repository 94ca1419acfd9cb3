"""sandboxd action validate, run, test: the use-cases of the actions door, without HTTP, tokens and quotas."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
import trio

from sandboxd.cli.action_tests import Tests
from sandboxd.cli.common import FAILED, SUCCESS, actions_root, config_file, data_dir, local_settings, mistakes
from sandboxd.config import Settings
from sandboxd.executions.actions.executors import PROFILE
from sandboxd.executions.actions.local import Local, read_config
from sandboxd.executions.actions.report import Report, Validation
from sandboxd.executions.engine import open_engine, read_policy
from sandboxd.logs import set_up_logging

T = TypeVar("T")


@click.group()
def action() -> None:
    """Actions: main(event, callback) with fixtures."""


@action.command("validate")
@click.argument("file", metavar="CONFIG", type=click.File("rb"))
@actions_root
@config_file
@mistakes
def validate(file: Any, actions_root: str | None, config: str | None) -> None:
    """Print all that is wrong with the action in CONFIG (- is standard input), as POST /validate answers it.

    Exit code 1 if anything is. Paths are below the actions root, or the working directory where none is set.
    """
    asked = read_config(file.read())
    validation: Validation = _run(_settings(config, actions_root, None), lambda local: local.validate(asked))
    _print(validation)
    sys.exit(SUCCESS if validation.valid else FAILED)


@action.command("run")
@click.argument("file", metavar="CONFIG", type=click.File("rb"))
@actions_root
@data_dir
@config_file
@mistakes
def run(file: Any, actions_root: str | None, data_dir: str | None, config: str | None) -> None:
    """Run the action in CONFIG (- is standard input) and print what POST /execute answers.

    Exit code 1 if it is not valid or anything failed. Snapshots are kept in the data directory.
    """
    asked = read_config(file.read())
    report: Report = _run(_settings(config, actions_root, data_dir), lambda local: local.execute(asked))
    _print(report)
    sys.exit(SUCCESS if report.ok else FAILED)


@action.command("test")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--watch", is_flag=True, help="Again whenever one of their files changes, until Ctrl-C.")
@actions_root
@data_dir
@config_file
@mistakes
def test(folder: Path, watch: bool, actions_root: str | None, data_dir: str | None, config: str | None) -> None:
    """Run every action that has its configuration below FOLDER; one line of JSON for each.

    Exit code 1 if one of them is not valid or failed.
    """
    tests = Tests(folder)
    run = tests.watch if watch else tests.once
    sys.exit(SUCCESS if _run(_settings(config, actions_root, data_dir), run) else FAILED)


def _settings(config: str | None, root: str | None, directory: str | None) -> Settings:
    set_up_logging("warning")
    return local_settings(config, {"actions.root": root, "data_dir": directory})


def _run(settings: Settings, use: Callable[[Local], Awaitable[T]]) -> T:
    async def main() -> T:
        async with _opened(settings) as local:
            return await use(local)

    return trio.run(main)


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Local]:
    async with open_engine(settings, read_policy(settings), [PROFILE]) as engine:
        engine.demand()
        yield Local(engine, settings)


def _print(value: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value)).decode())
