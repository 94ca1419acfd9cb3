"""Disks that are full, read-only or slow, and a database that is not what was written."""

import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psutil

from sandboxd.store.database import BUSY_SECONDS, FILE
from tests.faults.scene import Impossible, Scene
from tests.support.cli import cli, cli_here

REFUSED = "The data directory cannot be read or written"
"""How an execution ends that was accepted and could not be noted as begun."""
PAGE = 4096


def _mount(scene: Scene, *how: str) -> None:
    """A file system of its own for the data directory. We are in a mount namespace of our own, and it is gone with us."""
    scene.data.mkdir(exist_ok=True)
    done = subprocess.run(["mount", *how, str(scene.data)], capture_output=True, text=True)
    if done.returncode != 0:
        raise Impossible(f"this machine does not mount it: {done.stderr.strip()}")


def full_disk(scene: Scene) -> None:
    """A file takes all that is left, until it is removed."""
    _mount(scene, "-t", "tmpfs", "-o", "size=8m,mode=700", "none")
    with scene.serving():
        with scene.callers():
            with scene.fault():
                fill = scene.data / "fill"
                with fill.open("wb", buffering=0) as file, suppress(OSError):
                    while True:
                        file.write(b"x" * PAGE)
                scene.wait(lambda: scene.saw["500"] >= 10, "nobody noticed")
                fill.unlink()
        scene.reckon(REFUSED)


def file_limit(scene: Scene) -> None:
    """No file of the daemon's may grow, as when a quota is used up: what an ordinary user can try too."""
    with scene.serving() as daemon:
        process = psutil.Process(daemon.process.pid)
        with scene.callers():
            with scene.fault():
                before = process.rlimit(psutil.RLIMIT_FSIZE)
                process.rlimit(psutil.RLIMIT_FSIZE, (64 << 10, before[1]))
                scene.wait(lambda: scene.saw["500"] >= 10, "nobody noticed")
                process.rlimit(psutil.RLIMIT_FSIZE, before)
        scene.reckon(REFUSED)


def read_only_disk(scene: Scene) -> None:
    """The file system refuses writes from one moment on, as after an error; a new start finds it repaired."""
    if shutil.which("mkfs.ext4") is None:
        raise Impossible("there is no mkfs.ext4")
    image = scene.folder / "image"
    image.touch()
    os.truncate(image, 64 << 20)
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True, capture_output=True)
    _mount(scene, "-t", "ext4", "-o", "loop", str(image))
    with scene.serving():
        with scene.callers():
            with scene.paused():  # what comes between the two would be as after a loss of power
                os.sync()
                subprocess.run(["mount", "-o", "remount,abort", str(scene.data)], check=True, capture_output=True)
            scene.struck()
            scene.wait(lambda: scene.saw["500"] >= 10, "nobody noticed")
    subprocess.run(["umount", str(scene.data)], check=True)
    _mount(scene, "-t", "ext4", "-o", "loop", str(image))
    begun = time.monotonic()
    with scene.serving():
        scene.heal(begun)
        scene.reckon("daemon restarted", "daemon stopped", REFUSED)


def read_only_start(scene: Scene) -> None:
    """A directory on a read-only file system: the start is refused, and says which it is."""
    with scene.serving(), scene.callers():
        pass
    _mount(scene, "--bind", str(scene.data))
    _mount(scene, "-o", "remount,bind,ro")
    ended = cli("serve", "--bind", "127.0.0.1:0", "--data-dir", str(scene.data))
    scene.expect((ended.code, "Traceback" in ended.err) == (2, False), f"it ended with {ended.code}: {ended.err}")
    scene.expect(str(scene.data) in ended.err and "Read-only" in ended.err, f"it says {ended.err!r}")
    scene.saw[ended.err.partition("\n")[0]] += 1
    subprocess.run(["umount", str(scene.data)], check=True)
    begun = time.monotonic()
    with scene.serving():
        scene.heal(begun)
        scene.reckon("daemon stopped")


def damaged_before(scene: Scene) -> None:
    """The first page is overwritten while no daemon runs: the start is refused, and says what helps; that helps."""
    with scene.serving(), scene.callers():
        scene.wait(lambda: len(scene.accepted) > 5, "nobody is served")
    data, copy = scene.data, scene.folder / "copy"
    scene.expect(cli_here("backup", str(copy), "--data-dir", str(data)).code == 0, "no backup")
    with (data / FILE).open("r+b") as file:
        file.write(os.urandom(PAGE))
    ended = cli("serve", "--bind", "127.0.0.1:0", "--data-dir", str(data))
    scene.expect((ended.code, "Traceback" in ended.err) == (2, False), f"it ended with {ended.code}: {ended.err}")
    scene.expect(str(data / FILE) in ended.err and "sandboxd restore" in ended.err, f"it says {ended.err!r}")
    scene.saw[ended.err.partition("\n")[0].partition("damaged")[0] + "damaged"] += 1
    data.rename(scene.folder / "away")
    scene.expect(cli_here("restore", str(copy), "--data-dir", str(data)).code == 0, "no restore")
    begun = time.monotonic()
    with scene.serving():
        scene.heal(begun)
        scene.reckon("daemon stopped")


def damaged_meanwhile(scene: Scene) -> None:
    """Every page of the database but the first is overwritten under a daemon, and its log: it tells, does not die, and a
    restored copy is whole.
    """
    data, copy = scene.data, scene.folder / "copy"
    with scene.serving():
        with scene.callers():
            scene.wait(lambda: len(scene.accepted) > 5, "nobody is served")
            with scene.paused():
                scene.wait(lambda: not scene.unfinished(), "something does not end")
                scene.expect(cli_here("backup", str(copy), "--data-dir", str(data)).code == 0, "no backup")
                with closing(sqlite3.connect(data / FILE)) as connection:  # not an open of ours: that would drop its locks
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                size = (data / FILE).stat().st_size
                what = ["if=/dev/urandom", f"of={data / FILE}", f"bs={PAGE}", "seek=1", f"count={size // PAGE - 1}"]
                subprocess.run(["dd", *what, "conv=notrunc", "status=none"], check=True)
            scene.struck()
            scene.wait(lambda: scene.saw["500"] >= 10, "nobody noticed")
        scene.expect(any("sandboxd restore" in line for line in scene.daemon.log()), "the log does not say what helps")
    data.rename(scene.folder / "away")
    scene.expect(cli_here("restore", str(copy), "--data-dir", str(data)).code == 0, "no restore")
    begun = time.monotonic()
    with scene.serving():
        scene.heal(begun)
        scene.reckon()


@contextmanager
def _held(database: Path) -> Iterator[None]:
    """Nobody else can commit for as long as the block lasts."""
    with closing(sqlite3.connect(database, timeout=30, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def slow_disk(scene: Scene) -> None:
    """No commit comes through for less than the time that one waits."""
    with scene.serving():
        with scene.callers():
            with scene.fault(), _held(scene.data / FILE):
                time.sleep(BUSY_SECONDS * (0.8 if scene.long else 0.4))
        scene.reckon()


def stuck_disk(scene: Scene) -> None:
    """No commit comes through for longer than that."""
    with scene.serving():
        with scene.callers():
            with scene.fault(), _held(scene.data / FILE):
                scene.wait(lambda: scene.saw["500"] >= 1, "nobody noticed")
        scene.reckon(REFUSED)
