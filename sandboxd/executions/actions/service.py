"""What the door of actions calls: a principal's configuration in, a report out."""

from functools import partial

import trio

from sandboxd.config import ActionsSettings
from sandboxd.errors import FilesOff
from sandboxd.executions.actions.candidate import inline
from sandboxd.executions.actions.config import FileConfig, InlineConfig
from sandboxd.executions.actions.executors import DOOR, PROFILE, PrincipalExecutor
from sandboxd.executions.actions.files import load
from sandboxd.executions.actions.report import Report, Validation
from sandboxd.executions.actions.run import execute, told, validate
from sandboxd.executions.actions.snapshots import StoredBaselines
from sandboxd.executions.service import Service
from sandboxd.models import Principal
from sandboxd.store.group_commit import GroupCommit


class Actions:
    """Raises only errors of `sandboxd.errors`; what is wrong with an action is in its report."""

    def __init__(self, service: Service, group: GroupCommit, settings: ActionsSettings) -> None:
        self._service, self._group, self._settings = service, group, settings

    def admit(self, principal: Principal) -> None:
        """Raises SubscriptionRequired when the principal's tier does not open the door."""
        self._service.admit(principal, DOOR, PROFILE)

    async def validate(self, principal: Principal, config: FileConfig) -> Validation:
        """All that is wrong with a configuration of paths. Raises FilesOff, RequestError and HouseError of many kinds."""
        if not self._settings.folder:
            raise FilesOff
        executor = self._executor(principal)
        candidate = await trio.to_thread.run_sync(partial(load, config, self._settings.folder, executor.bounds))
        return told(await validate(candidate, executor))

    async def execute(self, principal: Principal, config: InlineConfig, *, dry: bool) -> Report:
        """Validates it, and runs what is valid unless it is `dry`. Raises RequestError and HouseError of many kinds."""
        executor = self._executor(principal)
        baselines = StoredBaselines(self._group, principal.tenant)
        return await execute(inline(config, executor.bounds), executor, baselines, dry=dry)

    def _executor(self, principal: Principal) -> PrincipalExecutor:
        return PrincipalExecutor(self._service, principal, self._settings.executions)
