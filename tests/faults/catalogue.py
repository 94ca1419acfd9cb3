"""The faults by name, each with the promise that it tests."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from tests.faults import clients, clock, disk, processes
from tests.faults.scene import Found, Impossible, Scene


class Fault(NamedTuple):
    """`happen` makes it in a scene. `may_see` is what callers may be answered meanwhile beside what they always may."""

    promise: str
    happen: Callable[[Scene], None]
    may_see: tuple[str, ...] = ()
    mounts: bool = False
    """Whether it mounts something, which only root can, and does in a mount namespace of its own."""


ALWAYS = ("200 success", "202", "503")
_CRASH = ("200 ",)
_STORE = ("500",)
_WORDS = ("sandboxd: ",)
FAULTS = {
    "killed workers": Fault(
        "A worker that is killed costs its own execution, which is told so, and no other.", processes.killed_workers, _CRASH
    ),
    "killed fork server": Fault(
        "It costs what runs in it; the next executions run as soon as there is another.", processes.killed_server, _CRASH
    ),
    "killed launcher": Fault("The same, with everything that it had made.", processes.killed_launcher, _CRASH),
    "killed daemon": Fault(
        "Nothing of it stays; the next start ends what had begun and runs what was queued.", processes.killed_daemon
    ),
    "stopped worker": Fault("Its wall clock ends it; nobody else notices.", processes.stopped_worker),
    "stopped fork server": Fault("It is noticed, killed and replaced.", processes.stopped_server, _CRASH),
    "stopped launcher": Fault("Workers are made and ended all the same.", processes.stopped_launcher),
    "out of processes": Fault("Callers wait or are told to come again; it passes by itself.", processes.out_of_processes),
    "full disk": Fault(
        "Nothing is accepted that cannot be kept; all goes on once there is room.", disk.full_disk, _STORE, True
    ),
    "file-size limit": Fault("The same for a quota that is used up.", disk.file_limit, _STORE),
    "read-only disk": Fault(
        "Nothing is accepted that cannot be kept; the next start has all that was.", disk.read_only_disk, _STORE, True
    ),
    "read-only start": Fault("It is refused, with the directory and the reason.", disk.read_only_start, _WORDS, True),
    "damaged database": Fault("The start is refused, with the file and what helps.", disk.damaged_before, _WORDS),
    "database damaged while in use": Fault(
        "Callers are told of an error, nothing wrong is answered, and a restored copy is whole.", disk.damaged_meanwhile, _STORE
    ),
    "slow disk": Fault("Callers wait, and none is lost.", disk.slow_disk),
    "stuck disk": Fault("Callers are told of an error when it lasts too long, and none is lost.", disk.stuck_disk, _STORE),
    "clock jumps": Fault("Executions run, wait and end as if nothing were, also over a start in the past.", clock.jumps),
    "idle connections": Fault("Others are answered, memory is bounded, and the idle are closed.", clients.idle_connections),
    "out of descriptors": Fault(
        "Whoever is not let in waits, and is served when there are some again.", clients.out_of_descriptors, _STORE
    ),
    "odd requests": Fault("Each is refused or closed, none hides another, and the next is served.", clients.odd_requests),
}


def suffer(name: str, *, long: bool) -> Found:
    """One fault in a folder of its own, and where that is needed in a process of its own."""
    fault = FAULTS[name]
    if not fault.mounts:
        with tempfile.TemporaryDirectory(prefix="sandboxd-fault-") as folder:
            return happen(name, Path(folder), long=long)
    if os.geteuid() != 0:
        return _skipped(name, "only root can mount")
    with tempfile.TemporaryDirectory(prefix="sandboxd-fault-") as folder:
        command = ["unshare", "--mount", sys.executable, "-m", "tests.faults.alone", name, folder, str(long)]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return msgspec.json.decode(done.stdout, type=Found)


def happen(name: str, folder: Path, *, long: bool) -> Found:
    """One fault in this process."""
    fault, scene, begun = FAULTS[name], Scene(folder, long=long), time.monotonic()
    try:
        fault.happen(scene)
    except Impossible as reason:
        return _skipped(name, str(reason))
    except Exception as problem:
        scene.problems.append(f"{type(problem).__name__}: {problem}")
    strange = {said for said in scene.saw if not said.startswith((*ALWAYS, *fault.may_see))}
    scene.expect(not strange, f"callers saw {', '.join(sorted(strange))}")
    return scene.found(name, fault.promise, time.monotonic() - begun)


def _skipped(name: str, why: str) -> Found:
    return Found(name, FAULTS[name].promise, {}, 0, 0, {}, None, 0.0, [], skipped=why)
