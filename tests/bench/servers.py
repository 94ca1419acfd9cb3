"""What is measured: real servers on the loopback, each started as its makers tell one to, all by one interface."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import msgspec
from msgspec import Raw, Struct

import policies
from sandboxd.pool.runtime import find_node
from tests.bench.client import Load
from tests.bench.install import HERE
from tests.bench.workloads import Workload
from tests.support.daemon import BASE, running_daemon

START_S = 60
QUOTA = """
[bench]
why = "Every limit is there and is counted, and no run of the benchmark comes near it."
concurrent = 256
hourly = 100000000
daily = 100000000
monthly = 100000000
[bench.doors.code-nodes]
max_timeout_ms = 30000
"""


class Server(Struct, frozen=True):
    """A server that listens. `fields` are its names for results and logs; `pid` is the root of its process tree."""

    name: str
    pid: int
    port: int
    path: str = "/"
    token: str = ""
    fields: tuple[str, str] = ("results", "logs")

    def load(self, workload: Workload, in_flight: int, seconds: float) -> Load:
        """What the client needs to know to measure a workload here."""
        body = workload.request()
        head = [f"POST {self.path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
        head += [f"Authorization: Bearer {self.token}"] if self.token else []
        request = "\r\n".join([*head, "", ""]).encode() + body
        results, logs = (Raw(msgspec.json.encode(part)) for part in (workload.results, workload.logs))
        right = dict(zip(self.fields, (results, logs), strict=True))
        return Load("127.0.0.1", self.port, request, right, in_flight, seconds)


Opener = Callable[[str, Path, Path], AbstractContextManager[Server]]
"""Takes the server's name, a folder of its own and the folder where the peers' packages are."""


@contextmanager
def sandboxd(name: str, folder: Path, packages: Path, *, workers: str = "") -> Iterator[Server]:  # noqa: ARG001
    """Our daemon as an operator runs it: token, a tier with quotas, jail and record. `workers` chooses where they come from."""
    shutil.copytree(policies.HOME, folder / "policies", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    with (folder / "policies/tiers.toml").open("a") as tiers:
        tiers.write(QUOTA)
    config = folder / "sandboxd.toml"
    config.write_text(f'policies = "{folder}/policies"\n' + (f'[pool]\nworkers = "{workers}"\n' if workers else ""))
    with running_daemon(folder / "data", "--config", str(config)) as daemon:
        token = daemon.token("bench", "bench", "--config", str(config))
        fields = ("return_value", "console_logs")
        yield Server(name, daemon.process.pid, daemon.port, f"{BASE}/execute", token, fields)
        daemon.stop()


def bare(name: str, folder: Path, packages: Path) -> AbstractContextManager[Server]:  # noqa: ARG001
    """Our HTTP front with nothing behind it: the web framework's way in."""
    return _listening(name, [sys.executable, "-m", "tests.bench.front"], folder, os.environ)


@contextmanager
def direct(name: str, folder: Path, packages: Path) -> Iterator[Server]:
    """The same, by the way that executions take, past the framework."""
    with bare(name, folder, packages) as server:
        yield msgspec.structs.replace(server, path="/direct")


def on_node(name: str, folder: Path, packages: Path) -> AbstractContextManager[Server]:
    """A peer on Node. Its environment is empty: a variable like NODE_EXTRA_CA_CERTS costs each start of a Node 40 ms of CPU."""
    command = [find_node().path, str(HERE / f"{name}.js")]
    return _listening(name, command, folder, {"PATH": os.defpath, "NODE_PATH": str(packages)})


def workerd(name: str, folder: Path, packages: Path) -> AbstractContextManager[Server]:
    """workerd's own binary, past the script of its package; it says on a descriptor where it listens."""
    program = next((packages / "@cloudflare").glob("workerd-*/bin/workerd"))
    command = [str(program), "serve", "--experimental", "--control-fd=1", str(HERE / "workerd.capnp")]
    return _listening(name, command, folder, {"PATH": os.defpath})


@contextmanager
def _listening(name: str, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Iterator[Server]:
    """A process that prints where it listens. It and all it started in its session are killed with the block."""
    log = folder / "log"
    with log.open("w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env=dict(environment), start_new_session=True)
    try:
        yield Server(name, process.pid, _wait_for_port(process, log))
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_for_port(process: "subprocess.Popen[bytes]", log: Path) -> int:
    give_up = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < give_up:
        if match := re.search(r'(?:listening on http://127\.0\.0\.1:|"port":)(\d+)', log.read_text()):
            return int(match[1])
        time.sleep(0.02)
    raise RuntimeError(f"{process.args!r} does not listen: {log.read_text()}")


class Kind(Struct, frozen=True):
    """A server that can be measured. `usual`: it is, unless others are named."""

    what: str
    open: Opener
    npm: bool = False
    usual: bool = True


KINDS = {
    "sandboxd": Kind("our daemon: a jailed process for each execution", sandboxd),
    "sandboxd-fork": Kind("our daemon, workers forked", partial(sandboxd, workers="fork"), usual=False),
    "sandboxd-exec": Kind("our daemon, workers by exec", partial(sandboxd, workers="exec"), usual=False),
    "bare": Kind("our HTTP front, and nothing behind it", bare),
    "direct": Kind("the same past the web framework, as executions go", direct),
    "node": Kind("`node -e` for each request", on_node),
    "vm": Kind("node:vm: a context, no isolation", on_node),
    "isolated-vm": Kind("isolated-vm: an isolate, one process for all", on_node, npm=True),
    "workerd": Kind("workerd: a dynamic isolate, one process for all", workerd, npm=True),
    "n8n": Kind("the n8n task runner: one heap for all", on_node, npm=True),
}
