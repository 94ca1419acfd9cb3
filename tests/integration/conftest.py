"""Fixtures of the tests that use processes: files, daemons of their own, and a ledger."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from tests.support.daemon import Daemon, Serve, running_daemon
from tests.support.ledger import House, open_house


@pytest.fixture
def data(tmp_path: Path) -> str:
    """A data directory that does not exist yet."""
    return str(tmp_path / "some" / "data")


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], str]:
    """Writes code into a file."""

    def write(code: str, name: str = "code.js") -> str:
        path = tmp_path / name
        path.write_text(code)
        return str(path)

    return write


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts daemons on one data directory, with the lines of a configuration file; for code nodes if these name no doors."""
    started = []

    def start(*lines: str) -> Daemon:
        named = any(line.startswith("doors") for line in lines)
        (tmp_path / "c.toml").write_text("\n".join(lines if named else ('doors = ["code-nodes"]', *lines)))
        context = running_daemon(tmp_path / "data", "--config", str(tmp_path / "c.toml"))
        started.append(context)
        return context.__enter__()

    yield start
    for context in started:
        context.__exit__(None, None, None)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """A ledger, its database and its clock."""
    async with open_house(tmp_path) as opened:
        yield opened
