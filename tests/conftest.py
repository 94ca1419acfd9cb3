"""Fixtures that all tests share: the real engine, and a real daemon."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog
from xdist.scheduler import LoadScopeScheduling

from sandboxd.config import PoolSettings, Settings
from sandboxd.executions.engine import Engine, open_engine, read_policy
from sandboxd.policy.model import Policy
from tests.support import nodes
from tests.support.daemon import Daemon, running_daemon


class _ByFile(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "attacks" if file.startswith(("tests/escape/", "tests/equivalence/")) else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Where several processes share the tests, those of one file stay together, for they share a daemon;
    so do those that look at one run of the attacks.
    """
    return _ByFile(config, log)


@pytest.fixture(autouse=True)
def _scripts_without_walls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs that pass for a Node are scripts: engines start them outside of the jail."""
    monkeypatch.setattr("sandboxd.executions.engine.plan", nodes.plan)


@pytest.fixture(autouse=True)
def _own_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that a test ran in this process has set up logging, and a logger keeps what it was first used with."""
    structlog.reset_defaults()
    monkeypatch.setattr("sandboxd.broker.session.log", structlog.get_logger())


@pytest.fixture(scope="session")
def policy() -> Policy:
    """The shipped policy."""
    return read_policy(Settings())


@asynccontextmanager
async def engine_of(policy: Policy, *, node: str = "", **pool: int) -> AsyncIterator[Engine]:
    """An engine with a pool of its own for the code-nodes profile."""
    sizes = PoolSettings(**({"ahead": 2, "running": 4} | pool))
    async with open_engine(Settings(node=node, pool=sizes), policy, ["code-nodes"]) as engine:
        engine.demand()
        yield engine


@pytest.fixture
async def engine(policy: Policy) -> AsyncIterator[Engine]:
    """A fresh engine."""
    async with engine_of(policy) as engine:
        yield engine


@pytest.fixture(scope="module")
def daemon(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon for the tests of one module, which names its `DOORS` where they are not code nodes'."""
    doors = getattr(request.module, "DOORS", ("code-nodes",))
    with running_daemon(tmp_path_factory.mktemp("daemon") / "data", doors=doors) as daemon:
        yield daemon
