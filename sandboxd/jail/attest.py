"""What the kernel says of a worker, against what it was told to be. Reads /proc only."""

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


def discrepancies(pid: int, enforced: Collection[str]) -> list[str]:
    """Where a ready worker does not stand behind a layer that is said to be enforced; on any of its threads."""
    problems: list[str] = []
    for task in sorted(Path(f"/proc/{pid}/task").iterdir()):
        told = dict(line.split(":", 1) for line in (task / "status").read_text().splitlines() if ":" in line)
        problems += (f"thread {task.name}: {problem}" for problem in _of_thread(told, enforced))
    return [*problems, *_of_namespaces(pid, enforced)]


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
