"""The whole suite in one mode, once, and what was seen of it from outside."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from js_harness import NATIVE
from sandboxd.jail.confine import FIRST_UID, UID_SPAN
from tests.escape.witnesses.files import Files
from tests.escape.witnesses.processes import Processes
from tests.escape.witnesses.sockets import Sockets
from tests.support.attacks import ESCAPED, OWN, Attack, read_attacks, shared_folder
from tests.support.modes import MODES, OURS, USER, copy_harness, finish, start

MOST_S = 900
FOLDERS = [folder for folder in (OWN, shared_folder()) if folder.is_dir()]
ATTACKS = {attack.name: attack for folder in FOLDERS for attack in read_attacks(folder)}
BEYOND = {attack.name: attack for attack in read_attacks(ESCAPED)}
SUITES = [*((mode, "fork", False) for mode in MODES), (OURS, "exec", False)]
"""The walls are the same for both kinds: one is asked in every mode, the other in the one that we are in."""


class Suite(NamedTuple):
    """What the job told, and the witnesses' figures."""

    told: dict[str, Any]
    changed: dict[str, int]
    calls: dict[str, int]
    strangers: dict[int, str]
    left: list[int]

    @property
    def signals(self) -> int:
        """Those that reached the witnesses, the daemon, or the sibling, which would not have lived on."""
        told = self.told
        return sum(told["witnesses"].values()) + len(told["daemon"]) + (told["sibling"] != '"alive"')


def is_worker(mode: str, uid: int) -> bool:
    """Whether files of this uid can only be a worker's, or its daemon's, in that mode."""
    if mode == "R":
        return FIRST_UID <= uid < FIRST_UID + UID_SPAN
    return uid == USER and OURS == "R"


_run: dict[tuple[str, str, bool, bool], Suite] = {}


def suite(mode: str, kind: str, *, codegen: bool = False, bare: bool = False) -> Suite:
    """The suite in one mode, run when it is first asked for."""
    which = (mode, kind, codegen, bare)
    if which not in _run:
        _run[which] = _suite(*which)
    return _run[which]


def is_contained(attack: Attack, end: dict[str, Any]) -> bool:
    """Whether an attack ended in what its file allows; one that ends by itself has to say so."""
    allowed = set(attack.allowed) | {"contained"}
    silent = "success" in end["words"] and end["end"] not in ('"contained"', "") and attack.name in BEYOND
    return bool(allowed & {*end["words"]}) and attack.says in end["end"] and not end["traces"] and not silent


def figures() -> Iterator[str]:
    """What was counted in each mode that was run behind walls."""
    for (mode, kind, codegen, bare), seen in _run.items():
        if bare or codegen:
            continue
        ends = [(ATTACKS[name], end) for name, end in seen.told["engine"].items()]
        ends += [(BEYOND[name], end) for name, end in seen.told["escaped"].items()]
        contained = sum(is_contained(attack, end) for attack, end in ends)
        yield (
            f"escape suite, mode {mode}, {kind}: {len(ends)} attacks, {contained} contained; "
            f"{sum(seen.changed.values())} bytes written, {sum(seen.calls.values())} sockets, "
            f"{len(seen.strangers) + len(seen.left)} processes, "
            f"{seen.signals} signals; then 1 + 1 = {seen.told['after']} after {seen.told['after_ms']:.0f} ms"
        )


def _suite(mode: str, kind: str, codegen: bool, bare: bool) -> Suite:
    """Runs everything; with `codegen` only what users send to make code from strings, in a profile that allows it; with `bare`
    only what starts escaped and gets out where there is no jail, behind none.
    """
    folder = Path(tempfile.mkdtemp(prefix="sandboxd-escape"))
    try:
        with Sockets(folder / "socket") as sockets:
            copy_harness(folder / "harness")
            shutil.copy(NATIVE, folder / "harness/library.node")  # one that no worker has loaded
            with Files(folder, lambda uid: is_worker(mode, uid)) as files:
                target = {
                    "folder": str(folder),
                    "file": str(files.file),
                    "tcp": sockets.tcp,
                    "udp": sockets.udp,
                    "unix": sockets.path,
                    "abstract": sockets.abstract,
                }
                asked = {"codegen": codegen, "bare": bare, "kind": kind, "target": target, "escaped": str(ESCAPED)}
                job = start(
                    mode,
                    str(folder / "harness"),
                    job="tests.escape.job",
                    folders=[] if bare else [str(each) for each in FOLDERS],
                    **asked,
                )
                with Processes(job.pid, kind) as processes:
                    told = finish(job, MOST_S)
                assert "error" not in told, told["error"]
                left = processes.left()
        return Suite(told, files.changed(), sockets.calls, processes.strangers, left)
    finally:
        shutil.rmtree(folder)
