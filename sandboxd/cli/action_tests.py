"""sandboxd action test: which files are configurations, what each came to, and whether anything has changed."""

import os
from pathlib import Path
from typing import Any, Final

import click
import msgspec
import trio
from msgspec import UNSET, Struct, UnsetType

from sandboxd.errors import BadRequest, SettingsError
from sandboxd.executions.actions.codes import Finding
from sandboxd.executions.actions.config import FileConfig
from sandboxd.executions.actions.local import Local, read_config
from sandboxd.executions.actions.report import Summary

LOOK_S: Final = 0.3
"""How often --watch looks for changes."""


class Line(Struct, frozen=True):
    """What one configuration came to. `error` says why it is none."""

    config: str
    ok: bool
    summary: Summary | UnsetType = UNSET
    errors: list[Finding] | UnsetType = UNSET
    error: str | UnsetType = UNSET


class Tests:
    """The configurations below a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def once(self, local: Local) -> bool:
        """Runs them all and prints a line for each; whether there are any, and all is well with them."""
        lines = [await self._run(local, path) for path in await trio.to_thread.run_sync(self._configs)]
        if not lines:
            raise SettingsError(f"There is no configuration of an action below {self._folder}")
        return all(line.ok for line in lines)

    async def watch(self, local: Local) -> bool:
        """The same, again at each change; never returns."""
        while True:
            seen = await trio.to_thread.run_sync(self._state, local.root)
            if seen:
                await self.once(local)
            while await trio.to_thread.run_sync(self._state, local.root) == seen:  # noqa: ASYNC110 nobody tells us
                await trio.sleep(LOOK_S)

    async def _run(self, local: Local, path: Path) -> Line:
        name = str(path.relative_to(self._folder))
        try:
            report = await local.execute(read_config(await trio.Path(path).read_bytes()))
            line = Line(name, report.ok, report.summary, report.errors)
        except (BadRequest, OSError) as problem:
            line = Line(name, ok=False, error=str(problem))
        click.echo(msgspec.json.encode(line))
        return line

    def _configs(self) -> list[Path]:
        return [path for path in sorted(self._folder.rglob("*.json")) if path.is_file() and _is_config(path)]

    def _state(self, root: str) -> dict[str, Any]:
        """When what was last changed, of the configurations and of the files that they name."""
        paths = self._configs()
        for path in list(paths):
            try:
                config = read_config(path.read_bytes())
            except (BadRequest, OSError):
                continue
            if isinstance(config, FileConfig):
                paths += [Path(root) / name for name in (config.action.entry, *config.fixtures)]
        return {str(path): _changed(path) for path in paths}


def _is_config(path: Path) -> bool:
    """By its content: an object with an action. A file whose name says so is one whatever is in it: broken ones are told."""
    try:
        content = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
        return path.name.endswith("config.json")
    return isinstance(content, dict) and "action" in content


def _changed(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = os.stat(path)  # noqa: PTH116 a name with a NUL is no path
    except (OSError, ValueError):
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
