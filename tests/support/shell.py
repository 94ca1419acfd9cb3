"""A shell that runs the commands of documents as they are printed."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from sandboxd.pool.runtime import find_node
from tests.support.documents import HOME, Change, matches, steps

_ADDRESS = "127.0.0.1:8000"
"""Where the daemons of documents listen; those of tests take a port that is free."""
_OWN = {"SANDBOXD_METRICS_BIND": "127.0.0.1:0"}
"""A daemon that metrics can be asked of does not take a port that all others take too."""
_LOOK_S = 0.05


class Shell:
    """A bash in a folder. Commands share its variables and jobs."""

    def __init__(self, process: subprocess.Popen[bytes], terminal: Path, folder: Path, address: str, patience_s: float) -> None:
        self.folder = folder
        self._process, self._terminal, self._address, self._patience_s = process, terminal, address, patience_s
        self._read, self._count = 0, 0

    def run(self, command: str) -> str:
        """What a command prints, on stdout and stderr. It is run as it stands but for the daemon's port."""
        assert self._process.stdin is not None
        self._count += 1
        end = f"<end {self._count}>\n".encode()
        self._process.stdin.write(command.replace(_ADDRESS, self._address).encode() + b"\necho '" + end.strip() + b"'\n")
        self._process.stdin.flush()
        for _ in range(int(self._patience_s / _LOOK_S)):
            output, found, _ = self._terminal.read_bytes()[self._read :].partition(end)
            if found:
                self._read += len(output) + len(end)
                return output.decode().replace(self._address, _ADDRESS).rstrip("\n")
            assert self._process.poll() is None, output.decode()
            time.sleep(_LOOK_S)
        raise AssertionError(f"{command} has not ended: {output.decode()}")

    def walk(self, text: str) -> int:
        """Every command of a document, and every change of a file that stands below the file's name, in their order.

        A command must print what stands below it; with nothing below it may print anything. Gives how many commands there were.
        """
        for step in (found := list(steps(text))):
            if isinstance(step, Change):
                step.make(self.folder)
                continue
            command, printed = step
            output = self.run(command)
            assert not printed or matches(printed, output), f"$ {command}\n{output}\n-- but the document has --\n{printed}"
        return sum(not isinstance(step, Change) for step in found)


@contextmanager
def open_shell(
    folder: Path,
    environment: Mapping[str, str] | None = None,
    *,
    copied: Sequence[str] = ("policies",),
    address: str = "",
) -> Iterator[Shell]:
    """A shell in a folder that looks like the repository after `make`, below an empty home.

    What documents copy or change is a copy, the rest are links. `address` is the daemon's, for documents that do not start it.
    """
    home, work, programs = folder / "home", folder / "home/sandboxd", folder / "programs"
    work.mkdir(parents=True)
    programs.mkdir()
    for each in HOME.iterdir():
        if each.name in copied:
            shutil.copytree(each, work / each.name, ignore=shutil.ignore_patterns("*.pyc.*"))  # names that are being written
        elif not each.name.startswith("."):
            (work / each.name).symlink_to(each)
    (work / ".venv").mkdir()
    (work / ".venv/bin").symlink_to(Path(sys.executable).parent)
    for name, program in {"node": find_node("").path, "python3": sys.executable, "python": sys.executable}.items():
        (programs / name).write_text(f'#!/bin/sh\nexec "{program}" "$@"\n')
        (programs / name).chmod(0o755)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SANDBOXD_", "PYTEST"))}
    path = f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    own = {"HOME": str(home), "PATH": path, **(environment or {})}
    with started_shell(work, folder / "terminal", inherited | own, address) as shell:
        yield shell


@contextmanager
def started_shell(
    work: Path, terminal: Path, environment: Mapping[str, str], address: str = "", patience_s: float = 300
) -> Iterator[Shell]:
    """A shell in a folder, with this environment only. What it has started has ended when the block is left."""
    with terminal.open("wb") as file:
        process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=work,
            env={**_OWN, **environment},
            start_new_session=True,
        )
    try:
        yield Shell(process, terminal, work, address or f"127.0.0.1:{free_port()}", patience_s)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
