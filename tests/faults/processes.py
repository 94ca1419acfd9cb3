"""Processes that are killed, stopped, or cannot be made."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from tests.faults.scene import Scene
from tests.support.daemon import Daemon
from tests.support.executing import ENDLESS
from tests.support.modes import ROOT, USER
from tests.support.outer import ordinary_python

LOST = "The process that keeps the workers was lost"


def launchers(daemon: Daemon) -> list[psutil.Process]:
    """The daemon's own children."""
    return psutil.Process(daemon.process.pid).children()


def servers(daemon: Daemon) -> list[psutil.Process]:
    """The fork servers: what launchers have started."""
    return [child for launcher in launchers(daemon) for child in launcher.children()]


def workers(daemon: Daemon) -> list[psutil.Process]:
    """What was forked from them."""
    found = []
    for server in servers(daemon):
        with suppress(psutil.NoSuchProcess):
            found += server.children()
    return found


def busiest(daemon: Daemon) -> psutil.Process | None:
    """The worker that has used more CPU time than one that has just begun."""
    for process in workers(daemon):
        with suppress(psutil.NoSuchProcess):
            if process.cpu_times().user > 0.15:
                return process
    return None


def _signal(processes: list[psutil.Process], number: int) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


@contextmanager
def stopped(processes: list[psutil.Process]) -> Iterator[None]:
    """Processes that stand still for as long as the block lasts."""
    _signal(processes, signal.SIGSTOP)
    try:
        yield
    finally:
        _signal(processes, signal.SIGCONT)


def killed_workers(scene: Scene) -> None:
    """Kills what is there again and again, ready or running."""
    with scene.serving() as daemon:
        with scene.callers():
            with scene.fault(asked=10):
                for _ in range(100 if scene.long else 10):
                    _signal(workers(daemon), signal.SIGKILL)
                    time.sleep(0.05)
        scene.reckon("failed: ")


def killed_server(scene: Scene) -> None:
    """Kills every fork server."""
    with scene.serving() as daemon:
        with scene.callers():
            for _ in range(5 if scene.long else 1):
                with scene.fault():
                    _signal(servers(daemon), signal.SIGKILL)
        scene.reckon(LOST)


def killed_launcher(scene: Scene) -> None:
    """Kills every launcher, and with it its fork server."""
    with scene.serving() as daemon:
        with scene.callers():
            for _ in range(5 if scene.long else 1):
                with scene.fault():
                    _signal(launchers(daemon), signal.SIGKILL)
        scene.reckon(LOST)


def killed_daemon(scene: Scene) -> None:
    """Kills the daemon under load; the next one begins where it was."""
    for _ in range(5 if scene.long else 1):
        with scene.serving() as daemon, scene.callers():
            scene.note_processes()
            daemon.process.kill()
            daemon.process.wait()
    begun = time.monotonic()
    with scene.serving():
        scene.heal(begun)
        scene.reckon("daemon restarted")


def stopped_worker(scene: Scene) -> None:
    """Stops a worker that runs: it neither goes on nor ends by itself."""
    with scene.serving() as daemon:
        with scene.callers():
            endless = scene.caller("stopped").submit(ENDLESS, execution_timeout_secs=8)
            for event in scene.caller("stopped").events(endless):
                if event.kind == "log":
                    break
            scene.wait(lambda: busiest(daemon) is not None, "no worker is busy")
            with scene.fault(asked=10), stopped([each for each in [busiest(daemon)] if each is not None]):
                end = scene.caller("stopped").ended(endless)["status"]
            scene.expect(end == "timed_out", f"it ended as {end}")
        scene.reckon()


def stopped_server(scene: Scene) -> None:
    """Stops every fork server for good: nobody continues them."""
    with scene.serving("start_timeout_ms = 5000") as daemon:
        with scene.callers():
            with scene.fault():
                _signal(servers(daemon), signal.SIGSTOP)
        scene.reckon(LOST)


def stopped_launcher(scene: Scene) -> None:
    """Stops every launcher: it makes and reaps nothing but the fork server, which goes on."""
    with scene.serving() as daemon:
        with scene.callers():
            with scene.fault(asked=20), stopped(launchers(daemon)):
                scene.wait_for_answers(20)
        scene.reckon()


ROOM = 100
"""Processes and threads that the daemon's user may have beside those that he has."""
FILL = """
import os, select
while not select.select([0], [], [], 0.01)[0]:
    try:
        while os.fork():
            pass
        os.read(0, 1)
        os._exit(0)
    except OSError:
        pass
"""
"""Takes every process that there is, also those that come free, until its stdin is closed."""


def out_of_processes(scene: Scene) -> None:
    """The daemon's user may have so many processes, and another program of his takes all that are left."""
    python, user = ordinary_python(), USER
    os.chown(scene.folder, user, -1)
    become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if os.geteuid() == 0 else []
    limited = [*become, "prlimit", f"--nproc={_tasks_of(user) + ROOM}", python]
    path = os.pathsep.join([str(ROOT), *(each for each in sys.path if each.endswith("site-packages"))])
    with scene.serving(program=[*limited, "-m", "sandboxd"], PYTHONPATH=path, HOME="/nonexistent") as daemon:
        with scene.callers(), scene.fault():
            with subprocess.Popen([*limited, "-c", FILL], stdin=subprocess.PIPE, cwd="/") as hog:
                assert hog.stdin is not None
                scene.wait(lambda: daemon.request("GET", "/readyz").status == 503, "readyz does not tell")
                hog.stdin.close()
        scene.reckon()


def _tasks_of(user: int) -> int:
    count = 0
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess):
            count += process.num_threads() if process.uids().real == user else 0
    return count
