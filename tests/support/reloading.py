"""A daemon with policies that a test may change, and SIGHUP."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.daemon import Daemon, running_daemon
from tests.support.policy_files import PROFILE, changed_policies, edit
from tests.support.stored import wait_until

_PATIENT = {
    PROFILE: [
        ("max = 30000", "max = 300000"),
        ("[fetch.limits.wall_ms]\nmost = 10000", "[fetch.limits.wall_ms]\nmost = 300000"),
    ],
    "tiers.toml": [
        ("[service.doors.code-nodes]\nmax_timeout_ms = 30000", "[service.doors.code-nodes]\nmax_timeout_ms = 300000")
    ],
}


class Reloading:
    """A running daemon and its policies."""

    def __init__(self, daemon: Daemon, config: str) -> None:
        self.daemon, self.config = daemon, config

    def edit(self, file: str, *pairs: tuple[str, str]) -> None:
        """Replaces texts of a policy file; nobody knows of it yet."""
        edit(self.config, file, *pairs)

    def reload(self) -> dict[str, Any]:
        """SIGHUP, and the line of the log that says what came of it."""
        before = len(self._lines())
        self.daemon.process.send_signal(signal.SIGHUP)
        assert wait_until(lambda: len(self._lines()) > before, 120)
        return self._lines()[before]

    def _lines(self) -> list[dict[str, Any]]:
        lines = (json.loads(line) for line in self.daemon.log() if line.startswith("{"))
        return [line for line in lines if line["event"].startswith(("policy reloaded", "policy refused"))]


@contextmanager
def reloading(folder: Path) -> Iterator[Reloading]:
    """A daemon for code nodes whose policies are a copy of the shipped ones, in which everything may take long."""
    config = changed_policies(folder)
    for file, pairs in _PATIENT.items():
        edit(config, file, *pairs)
    with Path(config).open("a") as file:
        file.write('doors = ["code-nodes"]\n')
    with running_daemon(folder / "data", "--config", config) as daemon:
        yield Reloading(daemon, config)
