"""Something that happens in a cgroup, as a process of its own: what it does to itself must not happen to the tests.

    python in_cgroup.py FOLDER UID serve …      becomes the daemon
    python in_cgroup.py FOLDER UID divide       divides the cgroup, and prints as JSON how it looked before, while and after

FOLDER is a cgroup of ours. No controllers are asked for, because the hierarchy of a machine may have none: all but the limits
is what it would be with them.
"""

import json
import os
import sys
from pathlib import Path

from sandboxd.cli import main
from sandboxd.jail import delegation
from sandboxd.jail.cgroups import open_subtree


def divide(folder: Path) -> dict[str, object]:
    """Where this process was and what cgroups there were, at three moments; and why it was not to be, if so."""
    told: dict[str, object] = {"before": _seen(folder)}
    try:
        delegation.find()
    except delegation.NoSubtree as problem:
        told["why"] = problem.message
    with open_subtree() as subtree:
        told["given"] = subtree is not None
        told["while"] = _seen(folder)
    told["after"] = _seen(folder)
    return told


def _seen(folder: Path) -> list[object]:
    own = next(line[3:] for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::"))
    return [Path(own).name, sorted(each.name for each in folder.iterdir() if each.is_dir())]


if __name__ == "__main__":
    folder, uid = Path(sys.argv[1]), int(sys.argv[2])
    (folder / "cgroup.procs").write_text("0")
    setattr(delegation, "CONTROLLERS", ())  # noqa: B010 it is a constant to everybody else
    if uid:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    if sys.argv[3] == "divide":
        print(json.dumps(divide(folder)))
    else:
        sys.argv[:] = ["sandboxd", *sys.argv[3:]]
        main()
