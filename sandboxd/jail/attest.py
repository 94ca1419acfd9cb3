"""What the kernel says of a worker, against what it was told to be. Reads /proc only.

A root without CAP_SYS_PTRACE, as Docker's, may read the status of a process of another user, and neither its namespaces nor its
descriptors: then the status has to do.
"""

import contextlib
import os
import stat
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

_NAMESPACES: Final = {
    "user_namespace": "user",
    "mount_namespace": "mnt",
    "pid_namespace": "pid",
    "net_namespace": "net",
    "ipc_namespace": "ipc",
    "uts_namespace": "uts",
}
_CAPABILITIES: Final = ("CapInh", "CapPrm", "CapEff", "CapAmb")
_NULL: Final = os.makedev(1, 3)
_INSIDE: Final = ("anon_inode:[eventpoll]", "anon_inode:[eventfd]")  # the parts of an event loop; its pipes are told by kind


def discrepancies(pid: int, enforced: Collection[str]) -> list[str]:
    """Where a ready worker does not stand behind a layer that is said to be enforced, on any of its threads; and what it
    holds that it should not. Raises OSError for one that is gone.
    """
    problems: list[str] = []
    for task in sorted(Path(f"/proc/{pid}/task").iterdir()):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread that has ended needs no wall
            told = dict(line.split(":", 1) for line in (task / "status").read_text().splitlines() if ":" in line)
            problems += (f"thread {task.name}: {problem}" for problem in _of_thread(told, enforced))
    with contextlib.suppress(PermissionError):
        problems += _of_namespaces(pid, enforced)
        problems += _of_descriptors(Path(f"/proc/{pid}/fd"))
    return problems


def _of_thread(told: dict[str, str], enforced: Collection[str]) -> Iterator[str]:
    wanted = {"seccomp_run": ("Seccomp", "2"), "no_new_privs": ("NoNewPrivs", "1")}
    for layer, (key, value) in wanted.items():
        if layer in enforced and told.get(key, "").strip() != value:
            yield f"{key} is {told.get(key, 'absent').strip()}, not {value}"
    filters = told.get("Seccomp_filters", "").strip()  # since Linux 5.9
    if "seccomp_run" in enforced and filters and int(filters) < 2:
        yield f"{filters} filter instead of two"
    if "capabilities" in enforced:
        # The bounding set stays with who never had the right to empty it; no_new_privs makes it meaningless.
        keys = [*_CAPABILITIES, *(["CapBnd"] if {"uid", "user_namespace"} & set(enforced) else [])]
        yield from (f"{key} is {told[key].strip()}" for key in keys if int(told[key], 16))
    if "uid" in enforced:
        ids = {*told["Uid"].split(), *told["Gid"].split()}
        if len(ids) != 1 or "0" in ids or told["Groups"].strip():
            yield f"its ids are {' '.join(sorted(ids))}, its groups {told['Groups'].strip() or 'none'}"


def _of_namespaces(pid: int, enforced: Collection[str]) -> Iterator[str]:
    for layer, name in _NAMESPACES.items():
        if layer in enforced and Path(f"/proc/{pid}/ns/{name}").readlink() == Path(f"/proc/self/ns/{name}").readlink():
            yield f"its {name} namespace is the daemon's"


def _of_descriptors(folder: Path) -> Iterator[str]:
    """A worker holds /dev/null, pipes, parts of its event loop, and one socket: its channel."""
    sockets = 0
    for descriptor in sorted(folder.iterdir()):
        told, held = str(descriptor.readlink()), descriptor.stat()
        sockets += stat.S_ISSOCK(held.st_mode)
        null = stat.S_ISCHR(held.st_mode) and held.st_rdev == _NULL
        if not (null or stat.S_ISSOCK(held.st_mode) or stat.S_ISFIFO(held.st_mode) or told in _INSIDE):
            yield f"descriptor {descriptor.name} is {told}"
    if sockets != 1:
        yield f"it holds {sockets} sockets instead of one"
