"""Which cgroup v2 subtree is the daemon's to divide, or why none is. Looks, and changes nothing."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from sandboxd.errors import SandboxdError

CONTROLLERS: Final = ("cpu", "memory", "pids")


class NoSubtree(SandboxdError):
    """No cgroup is delegated to the daemon. The text is the reason."""


def find() -> Path:
    """The folder of our own cgroup, if it is ours to divide. Raises NoSubtree. Nothing is changed."""
    try:
        folder = locate(Path("/proc/self/mountinfo").read_text(), Path("/proc/self/cgroup").read_text())
        if problem := _unfit(folder):
            raise NoSubtree(problem)
    except OSError as problem:
        raise NoSubtree(f"our own cgroup cannot be read: {problem}") from None
    return folder


def locate(mountinfo: str, own: str) -> Path:
    """Where our own cgroup is mounted: the texts are those of /proc/self. Raises NoSubtree."""
    mine = next((line[3:] for line in own.splitlines() if line.startswith("0::")), None)
    found: list[tuple[int, Path]] = []
    for line in mountinfo.splitlines():
        mount, _, kind = line.partition(" - ")
        if mine is None or not kind.startswith("cgroup2 "):
            continue
        root, at = (Path(part) for part in mount.split(" ")[3:5])
        if Path(mine).is_relative_to(root) and ".." not in Path(mine).parts:
            found.append((len(root.parts), at / Path(mine).relative_to(root)))
    if not found:
        raise NoSubtree("no cgroup v2 hierarchy with this process in it is mounted")
    return max(found)[1]  # the innermost: a mount for one service, above one that is read-only


def _unfit(folder: Path) -> str:
    missing = set(CONTROLLERS) - set((folder / "cgroup.controllers").read_text().split())
    if missing:
        return f"the cgroup v2 hierarchy gives {folder} no controller for {' and '.join(sorted(missing))}"
    if not (folder / "cgroup.type").exists():
        return "the daemon is in the root of all cgroups, which is nobody's to divide"
    if (kind := (folder / "cgroup.type").read_text().strip()) != "domain":
        return f"the daemon's cgroup is of type {kind!r}"
    if not (folder / "cgroup.kill").exists():
        return "this kernel has no cgroup.kill: Linux 5.14 or later is needed"
    if not all(os.access(folder / name, os.W_OK) for name in ("", "cgroup.procs", "cgroup.subtree_control")):
        return f"{folder} cannot be written by uid {os.geteuid()} (a service's Delegate= and ReadWritePaths= allow it)"
    if os.geteuid() == 0 and not _delegated(folder):
        return f"{folder} is not said to be delegated, as Delegate= of a service does"
    if set((folder / "cgroup.procs").read_text().split()) - {str(os.getpid())}:
        return f"{folder} holds other processes than the daemon, which are not its to move"
    return ""


def _delegated(folder: Path) -> bool:
    """Whether root was told that it is his: he may write to every cgroup, also to those that a service manager keeps."""
    if Path("/proc/self/cgroup").read_text().endswith("0::/\n"):  # the root of a namespace is for who lives in that
        return True
    for name in ("trusted.delegate", "user.delegate"):
        with suppress(OSError):
            if os.getxattr(folder, name) == b"1":
                return True
    return False
