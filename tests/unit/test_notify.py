"""What the service manager is told."""

import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandboxd import notify


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The manager's end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(tmp_path / "notify"))
        heard.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield heard


def test_a_reload_begins_with_its_time_and_ends_ready(told: socket.socket) -> None:
    """RELOADING=1 with the monotonic clock in microseconds, then READY=1, also where the reload failed."""
    before = time.monotonic_ns() // 1000
    with pytest.raises(ValueError, match="bad"), notify.reloading("as before"):
        raise ValueError("bad")
    begun = told.recv(1000).decode()
    match = re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=(\d+)", begun)
    assert match is not None
    assert before <= int(match[1]) <= time.monotonic_ns() // 1000
    assert told.recv(1000) == b"READY=1\nSTATUS=as before"


async def test_without_a_watchdog_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """It returns at once where no time is set, or one for another process."""
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    await notify.keep_watchdog()
    monkeypatch.setenv("WATCHDOG_USEC", "1000000")
    monkeypatch.setenv("WATCHDOG_PID", "1")
    await notify.keep_watchdog()


def test_without_a_manager_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable, no socket, no complaint."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify.ready("serving")
