"""Callers of the module's daemon."""

from collections.abc import Callable, Iterator

import pytest

from tests.support.actions import ActionsCaller
from tests.support.daemon import Answer, Daemon, running_daemon
from tests.support.executing import Caller
from tests.support.stored import make_token
from tests.support.upstream import Raw, Seen, Upstream, endless, hang, response, running_upstream


@pytest.fixture(scope="module")
def token(daemon: Daemon) -> str:
    """The token of a caller whom no quota limits."""
    return make_token(daemon.data_dir, "caller")


async def _echo(seen: Seen, stream: Raw) -> None:
    await stream.send_all(response(seen.body, "Connection: close"))


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    """A server on loopback that code may ask."""
    data = response(b'{"items":[1,2,3]}', "Content-Type: application/json")
    with running_upstream({"/api/data": data, "/echo": _echo, "/endless": endless, "/hang": hang}) as running:
        yield running


@pytest.fixture
def run(daemon: Daemon, token: str) -> Callable[..., Answer]:
    """POST /execute by the caller without quotas."""
    return lambda code, **more: daemon.execute(token, code, **more)


@pytest.fixture
def check(daemon: Daemon, token: str) -> Callable[..., Answer]:
    """POST /validate by the caller without quotas."""
    return lambda code, **more: daemon.validate(token, code, **more)


@pytest.fixture
def caller(daemon: Daemon, token: str) -> Caller:
    """The caller without quotas, at the executions door."""
    return Caller(daemon, token)


@pytest.fixture(scope="module")
def actions(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ActionsCaller]:
    """A caller without quotas of a daemon that reads actions' files from a folder of the module's."""
    folder = tmp_path_factory.mktemp("actions")
    (root := folder / "root").mkdir()
    with running_daemon(
        folder / "data", "--actions-root", str(root), doors=getattr(request.module, "DOORS", ["actions"])
    ) as daemon:
        yield ActionsCaller(daemon, make_token(daemon.data_dir, "caller"), root)
