"""Actions on the operator's command line: configurations of both kinds, no quotas, files below the working directory."""

import time
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import trio
from msgspec import Struct

from sandboxd.config import Settings
from sandboxd.executions.actions.candidate import Candidate, inline
from sandboxd.executions.actions.config import FileConfig, InlineConfig
from sandboxd.executions.actions.executors import LocalExecutor
from sandboxd.executions.actions.files import load
from sandboxd.executions.actions.report import Report, Validation
from sandboxd.executions.actions.run import execute, told, validate
from sandboxd.executions.engine import Engine
from sandboxd.json_reader import read_json
from sandboxd.store import snapshots as store
from sandboxd.store.database import open_database

TENANT: Final = ""
"""Whose the snapshots of the command line are: no token has this tenant."""

_INLINE: Final = {"source", "language"}
_inline: Final = msgspec.json.Decoder(InlineConfig)
_files: Final = msgspec.json.Decoder(FileConfig)


class _Shape(Struct):
    # as much as tells the kinds apart
    action: Any = None


_shape: Final = msgspec.json.Decoder(_Shape)


def read_config(data: bytes) -> InlineConfig | FileConfig:
    """The configuration in a file; an action with a source or a language is inline. Raises BadRequest, in the door's words."""
    action = read_json(_shape, data).action
    is_inline = isinstance(action, dict) and not _INLINE.isdisjoint(action)
    return read_json(_inline, data) if is_inline else read_json(_files, data)


class Local:
    """What the commands call; `root` is the folder that paths are below."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.root = settings.actions.folder or str(Path.cwd())
        self._executor = LocalExecutor(engine, settings.actions.executions)
        self._baselines = LocalBaselines(settings)

    async def validate(self, config: InlineConfig | FileConfig) -> Validation:
        """All that is wrong with it."""
        return told(await validate(await self._candidate(config), self._executor))

    async def execute(self, config: InlineConfig | FileConfig) -> Report:
        """Validates it, and runs it if it is valid."""
        return await execute(await self._candidate(config), self._executor, self._baselines)

    async def _candidate(self, config: InlineConfig | FileConfig) -> Candidate:
        bounds = self._executor.bounds
        if isinstance(config, InlineConfig):
            return inline(config, bounds)
        return await trio.to_thread.run_sync(partial(load, config, self.root, bounds))


class LocalBaselines:
    """Those of the command line, in the data directory, which is opened when one is asked for."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def first(self, program: str, fixture: str, output: str) -> str:
        """See Baselines. Raises StoreError."""
        return await trio.to_thread.run_sync(self._first, store.Key(TENANT, program, fixture), output)

    def _first(self, key: store.Key, output: str) -> str:
        with open_database(self._settings.data_path) as database, database.write() as connection:
            return store.first_output(connection, key, output, now_ms=int(time.time() * 1000))
