"""The walls, layer by layer: those that the launcher stands behind itself, and those that each worker gets after its fork.

Standard library only. Every layer is rehearsed first, in a process that is thrown away, because some cannot be undone when
they fail halfway (a user namespace without a map, a root without files). What fails is left out and reported; whether the
daemon goes on without it is the daemon's to decide.
"""

import base64
import errno
import json
import os
import resource
import struct
from collections.abc import Callable, Iterable
from typing import Any, Final

from sandboxd.jail import kernel, landlock, namespaces, privileges

ENFORCED, FAILED, UNNEEDED = "enforced", "failed", "unneeded"
MOUNT_POINT: Final = "/tmp"  # covered in our own mount namespace only, and left at once

# A uid for each worker, in a range that systemd's table of uids leaves unused: a block for each launcher by its pid. Two whose
# pids differ by a multiple of 2^18 have the same block; their workers are then kept apart by all other layers.
FIRST_UID, UID_SPAN, SLOTS = 0x7000_0000, 0x1000_0000, 1024

Finding = dict[str, str]  # layer, state, errno, text
Step = tuple[str, Callable[[], None]]


def finding(layer: str, problem: BaseException | None = None, *, state: str = ENFORCED, text: str = "") -> Finding:
    """What became of one layer."""
    if problem is None:
        return {"layer": layer, "state": state, "errno": "", "text": text}
    number = getattr(problem, "errno", None) or 0
    said, file = getattr(problem, "strerror", None) or str(problem), getattr(problem, "filename", None)
    words = f"{said}: {file}" if file else said
    return {"layer": layer, "state": FAILED, "errno": errno.errorcode.get(number, ""), "text": words}


def _attempt(layer: str, step: Callable[[], None]) -> Finding:
    try:
        step()
    except (OSError, ValueError) as problem:
        return finding(layer, problem)
    return finding(layer)


def _in_order(steps: Iterable[Step]) -> list[Finding]:
    """Takes all steps; a layer of several steps is enforced when all of them are."""
    found: dict[str, Finding] = {}
    for layer, step in steps:
        told = _attempt(layer, step)
        if layer not in found or found[layer]["state"] == ENFORCED:
            found[layer] = told
    return list(found.values())


def rehearse(steps: list[Step], fork: Callable[[], int] = os.fork) -> list[Finding]:
    """Takes the steps in a process that is thrown away."""
    read_end, write_end = os.pipe()
    pid = fork()
    if pid == 0:
        try:
            os.write(write_end, json.dumps(_in_order(steps)).encode())
        finally:
            os._exit(0)
    os.close(write_end)
    told = b""
    while chunk := os.read(read_end, 65_536):
        told += chunk
    os.close(read_end)
    _, status = os.waitpid(pid, 0)
    if told:
        found: list[Finding] = json.loads(told)
        return found
    ended = OSError(0, f"the process that tried it ended with wait status {status}")
    return [finding(layer, ended) for layer in dict.fromkeys(layer for layer, _ in steps)]


class Filter:
    """A seccomp program; the numbers at `pid_at` become the worker's pid, as it sees itself: that is what it passes to kill."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.code, self.pid_at = base64.b64decode(told["code"]), told["pid_at"]

    def for_pid(self, pid: int) -> bytes:
        """The program for one worker."""
        code = bytearray(self.code)
        for offset in self.pid_at:
            struct.pack_into("<I", code, offset, pid)
        return bytes(code)


class Walls:
    """What surrounds the workers of one launcher. `told` is the plan's: binds, rules, filters, threads."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.told = told
        self.on: set[str] = set()
        self.slots: set[int] = set()
        self._boot, self._run = Filter(told["boot_filter"]), Filter(told["run_filter"])
        self._root, self._launcher = os.geteuid() == 0, os.getpid()
        self._range = uid_range(_lines("/proc/self/uid_map"))

    # ------------------------------------------------------------ the launcher's own

    def enter(self) -> list[Finding]:
        """Goes behind the walls that all workers share; what came of every layer, the workers' own included."""
        found: list[Finding] = []
        if self._root:
            found.append(finding("user_namespace", state=UNNEEDED, text="the daemon is root"))
        steps = dict(self._shared())
        for tried in rehearse(list(steps.items())):
            layer = tried["layer"]
            found.append(_attempt(layer, steps[layer]) if tried["state"] == ENFORCED else tried)
            self._note(found[-1:])
        found.append(_attempt("pid_namespace", self._fork_once))
        self._note(found[-1:])
        if not self._root:
            found.append(finding("uid", state=UNNEEDED, text="only root can give a worker another uid than its own"))
        of_workers = rehearse([*self._steps(SLOTS - 1), ("seccomp_run", self._run_filter)], self.fork)
        self._note(of_workers)
        return found + of_workers

    def _note(self, found: list[Finding]) -> None:
        self.on |= {each["layer"] for each in found if each["state"] == ENFORCED}

    def _shared(self) -> list[Step]:
        first: list[Step] = [] if self._root else [("user_namespace", namespaces.enter_user_namespace)]
        return [
            *first,
            ("net_namespace", lambda: kernel.unshare(namespaces.FLAGS["net"])),
            ("ipc_namespace", lambda: kernel.unshare(namespaces.FLAGS["ipc"])),
            ("uts_namespace", lambda: kernel.unshare(namespaces.FLAGS["uts"])),
            ("mount_namespace", self._private_root),  # last: what it takes away the others may need
        ]

    def _private_root(self) -> None:
        kernel.unshare(namespaces.FLAGS["mnt"])
        namespaces.make_root(MOUNT_POINT, self.told["binds"])

    def _fork_once(self) -> None:
        pid = kernel.fork_into(namespaces.FLAGS["pid"])
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)

    # ------------------------------------------------------------ each worker's

    def fork(self) -> int:
        """fork(2), into a PID namespace of its own where there are any; the worker is PID 1 there."""
        return kernel.fork_into(namespaces.FLAGS["pid"]) if "pid_namespace" in self.on else os.fork()

    def slot(self) -> int:
        """A number for a worker to be, until it is discarded from `slots`. Raises OSError when there are too many."""
        free = next((number for number in range(SLOTS - 1) if number not in self.slots), None)  # the last one: rehearsals
        if free is None:
            raise OSError(errno.EAGAIN, f"{SLOTS - 1} workers have all uids of this launcher")
        self.slots.add(free)
        return free

    def steps(self, slot: int) -> list[Step]:
        """What a worker does between its descriptors and its program, without what cannot be had here."""
        return [(layer, step) for layer, step in self._steps(slot) if layer in self.on]

    def _steps(self, slot: int) -> list[Step]:
        privilege: list[Step] = [
            ("rlimits", self._limit_threads),
            ("capabilities", self._drop_bounding_set),
            ("uid", lambda: privileges.become(self._range[0] + (self._launcher * SLOTS + slot) % self._range[1])),
            ("capabilities", kernel.empty_capabilities),
            ("no_new_privs", privileges.no_new_privileges),
            ("landlock", self._restrict_files),
            ("seccomp_boot", lambda: kernel.install_filter(self._boot.for_pid(os.getpid()))),
        ]
        return [step for step in privilege if self._root or step[0] != "uid"]

    def _limit_threads(self) -> None:
        if "uid" in self.on:  # it counts per uid: a limit that is shared would let one worker starve the others
            resource.setrlimit(resource.RLIMIT_NPROC, (self.told["threads"], self.told["threads"]))

    def _drop_bounding_set(self) -> None:
        try:
            privileges.drop_bounding_set()
        except PermissionError:
            if self._root:
                raise
            # Who never had CAP_SETPCAP cannot empty it; without a capability and with no_new_privs it bounds nothing.

    def _restrict_files(self) -> None:
        rules = [(self.inside(path), access, directory) for path, access, directory in self.told["rules"]]
        landlock.restrict(rules, kernel.landlock_abi())

    def _run_filter(self) -> None:
        kernel.install_filter(self._run.for_pid(os.getpid()))

    def run_filter(self) -> str:
        """The second filter for the process that asks, in base64: its program installs it."""
        return base64.b64encode(self._run.for_pid(os.getpid())).decode()

    def empty_domain(self) -> str:
        """What a forked child asks Landlock for, in base64: a domain of its own without any file. Empty: there is none here."""
        return base64.b64encode(landlock.attributes(kernel.landlock_abi())).decode() if "landlock" in self.on else ""

    def inside(self, path: str) -> str:
        """Where a worker finds what the daemon knows by `path`."""
        if "mount_namespace" in self.on:
            for source, target in self.told["binds"]:
                if path == source or path.startswith(source + "/"):
                    return str(target + path[len(source) :])
        return path


def uid_range(uid_map: list[str]) -> tuple[int, int]:
    """The first uid for workers and how many there are: where fewer ids are mapped, as in a container, the upper half."""
    rows = [[int(word) for word in line.split()] for line in uid_map]
    if any(first <= FIRST_UID and first + count >= FIRST_UID + UID_SPAN for first, _, count in rows):
        return FIRST_UID, UID_SPAN
    first, _, count = max(rows, key=lambda row: row[2])
    return first + count - max(1, count // 2), max(1, count // 2)


def _lines(path: str) -> list[str]:
    with open(path) as file:
        return file.read().splitlines()
