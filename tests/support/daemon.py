"""A real daemon in a process of its own, and a client for it."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

SANDBOXD = [sys.executable, "-m", "sandboxd"]
FREE = {"SANDBOXD_METRICS_BIND": "127.0.0.1:0"}
"""For every daemon of a test: many run at once, and one port is not enough for them."""
BASE = "/api/ai-automation/code"


class Answer:
    """One HTTP answer. Names of headers are looked up whatever their case; one that is absent is None."""

    def __init__(self, status: int, headers: http.client.HTTPMessage, body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


class Daemon:
    """A running `sandboxd serve`."""

    def __init__(self, process: subprocess.Popen[str], address: str, data_dir: Path) -> None:
        self.process, self.data_dir = process, data_dir
        host, _, port = address.removeprefix("http://").rpartition(":")
        self.host, self.port = host, int(port)

    def token(self, user: str, tier: str = "service", *more: str) -> str:
        """A fresh token from the command line."""
        return sandboxd("token", "create", "--user", user, "--tier", tier, "--data-dir", str(self.data_dir), *more).strip()

    def request(
        self, method: str, path: str, *, token: str | None = None, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request on a connection of its own. `body` is sent as JSON unless it is bytes."""
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        connection = http.client.HTTPConnection(self.host, self.port, timeout=90)
        try:
            connection.request(method, path, data, sent)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def execute(self, token: str, code: str, **more: Any) -> Answer:
        """POST /execute."""
        return self.request("POST", f"{BASE}/execute", token=token, body={"code": code, **more})

    def validate(self, token: str, code: str, **more: Any) -> Answer:
        """POST /validate."""
        return self.request("POST", f"{BASE}/validate", token=token, body={"code": code, **more})

    def family(self) -> list[int]:
        """The processes below it: launchers and workers."""
        return [process.pid for process in psutil.Process(self.process.pid).children(recursive=True)]

    def log(self) -> list[str]:
        """The lines it has written to stderr."""
        return _log_of(self.data_dir).read_text().splitlines()

    @property
    def metrics(self) -> str:
        """HOST:PORT of its metrics."""
        return next(line for line in self.log() if line.startswith("metrics on ")).split("/")[2]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Sends a signal and waits for the end; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(30)


Serve = Callable[..., Daemon]
"""Starts a daemon with the lines of a configuration file."""


def sandboxd(*arguments: str, expect: int = 0, given: str | None = None, **environment: str) -> str:
    """Runs a command to its end and gives its stdout; the exit code must be `expect`."""
    done = subprocess.run(
        [*SANDBOXD, *arguments], input=given, capture_output=True, text=True, timeout=90, env=os.environ | environment
    )
    assert done.returncode == expect, (done.returncode, done.stdout, done.stderr)
    return done.stdout


@contextmanager
def running_daemon(
    data_dir: Path,
    *arguments: str,
    doors: Sequence[str] = ("code-nodes",),
    program: Sequence[str] = SANDBOXD,
    **environment: str,
) -> Iterator[Daemon]:
    """A daemon on a free port. It is killed when the block is left, if it still runs.

    It serves `doors`, unless it is given a configuration: each takes a second of its start. `program` may be one that becomes
    the daemon, so that its pid is the daemon's.
    """
    if "--config" not in arguments and "SANDBOXD_CONFIG" not in environment:
        config = data_dir.parent / f"{data_dir.name}.toml"
        config.write_text(f"doors = {json.dumps(doors)}\n")
        arguments = (*arguments, "--config", str(config))
    command = [*program, "serve", "--bind", "127.0.0.1:0", "--data-dir", str(data_dir), *arguments]
    log = _log_of(data_dir)
    variables = os.environ | FREE | environment
    with log.open("w+") as file:
        process = subprocess.Popen(command, stderr=file, stdout=subprocess.DEVNULL, text=True, env=variables)
        try:
            yield Daemon(process, _wait_for_address(process, log), data_dir)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def _log_of(data_dir: Path) -> Path:
    return data_dir.parent / f"{data_dir.name}.log"


def _wait_for_address(process: subprocess.Popen[str], log: Path) -> str:
    while process.poll() is None:
        if match := re.search(r"^listening on (http://\S+)$", log.read_text(), re.MULTILINE):
            return match[1]
        try:
            process.wait(0.02)
        except subprocess.TimeoutExpired:
            continue
    raise AssertionError(f"the daemon ended with {process.returncode}: {log.read_text()}")
