"""Callers of the module's daemon."""

from collections.abc import Callable

import pytest

from tests.support.daemon import Answer, Daemon
from tests.support.stored import make_token


@pytest.fixture(scope="module")
def token(daemon: Daemon) -> str:
    """The token of a caller whom no quota limits."""
    return make_token(daemon.data_dir, "caller")


@pytest.fixture
def run(daemon: Daemon, token: str) -> Callable[..., Answer]:
    """POST /execute by the caller without quotas."""
    return lambda code, **more: daemon.execute(token, code, **more)


@pytest.fixture
def check(daemon: Daemon, token: str) -> Callable[..., Answer]:
    """POST /validate by the caller without quotas."""
    return lambda code, **more: daemon.validate(token, code, **more)
