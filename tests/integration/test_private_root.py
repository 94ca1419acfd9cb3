"""The private root and the privileges of a worker, as the kernel shows them from outside."""

import re
import subprocess
from pathlib import Path
from tempfile import NamedTemporaryFile

import pytest

from sandboxd.pool.runtime import HUGE_PAGES
from tests.support.held_server import AS_USER, ROOT, holding
from tests.support.modes import OURS
from tests.support.outer import ordinary_python

each_kind = pytest.mark.parametrize("kind", ["fork", "exec"])
each_user = pytest.mark.parametrize("ordinary", [False, True], ids=["as we are", "ordinary user"])
root_only = pytest.mark.skipif(OURS != "R", reason="only root can lay this trap")
IN_OWN_MOUNTS = ["unshare", "--mount", "sh", "-ec"]


def mounts(pid: int) -> dict[str, tuple[set[str], list[str]]]:
    """What is mounted where in a process's root: the options of the mount, and what it shares with others."""
    found = {}
    for line in Path(f"/proc/{pid}/mountinfo").read_text().splitlines():
        _, _, _, _, target, options, *more = line.split()
        found[target] = set(options.split(",")), more[: more.index("-")]
    return found


@each_kind
@each_user
def test_the_root_has_nothing_but_read_only_files(ordinary: bool, kind: str) -> None:
    """Every mount is read-only, without set-uid programs, without devices but for /dev/null, and shared with nobody."""
    with holding(kind=kind, ordinary=ordinary) as (_, words):
        found = mounts(int(words[1]))
        where = str(Path(f"/proc/{words[1]}/cwd").readlink())
    assert {"/", "/node", "/harness", "/dev/null"} <= found.keys()
    assert not {"/proc", "/sys", "/dev", "/tmp", "/etc"} & found.keys()
    for target, (options, shared) in found.items():
        wanted = {"ro", "nosuid"} | ({"nodev"} if target != "/dev/null" else set())
        assert (target, wanted - options, shared) == (target, set(), [])
    assert where == "/"


HUGE = Path(HUGE_PAGES)
has_huge_pages = pytest.mark.skipif(not HUGE.exists(), reason="this kernel was built without huge pages")
node_uses_them = pytest.mark.skipif(
    not HUGE.exists() or "[never]" in HUGE.read_text(), reason="Node asks, and this machine's setting is never"
)


@node_uses_them
@each_user
def test_a_fork_server_moves_its_code_to_huge_pages(ordinary: bool) -> None:
    """It may read the file that Node asks first: else each child has far more page faults, and nobody is told."""
    with holding(kind="fork", ordinary=ordinary) as (_, words):
        found = [line.split() for line in Path(f"/proc/{words[2]}/maps").read_text().splitlines()]
    own = [at for at, (*_, last) in enumerate(found) if last == "/node"]
    moved = [one for one in found[own[0] : own[-1]] if one[1] == "r-xp" and one[4] == "0"]
    assert moved, found


def test_the_heap_of_a_fork_server_lies_together() -> None:
    """V8 would scatter its chunks, each with page tables of its own, which every fork would copy."""
    with holding(kind="fork") as (_, words):
        found = [line.split() for line in Path(f"/proc/{words[2]}/maps").read_text().splitlines()]
    chunks = [int(one[0].partition("-")[0], 16) for one in found if one[1] == "rw-p" and len(one) == 5]
    assert len({at >> 30 for at in chunks}) <= 5  # gigabytes in which they begin; scattered it is nearly one each


def kilobytes(smaps: str, access: str, field: str) -> int:
    """The sum of a field over all mappings with that access."""
    return sum(map(int, re.findall(rf" {access} .*\n(?:.*\n)*?{field}: +(\d+) kB", smaps)))


@has_huge_pages
@each_user
def test_what_a_fork_server_has_written_lies_in_huge_pages(ordinary: bool) -> None:
    """Nearly all of its heap, and the code that V8 has made: a fork copies one entry for 512 pages, and nobody is told when it
    does not."""
    with holding(kind="fork", ordinary=ordinary) as (_, words):
        text = Path(f"/proc/{words[2]}/smaps").read_text()
    for access in ("rw-p", "rwxp"):
        written, huge = kilobytes(text, access, "Anonymous"), kilobytes(text, access, "AnonHugePages")
        assert huge > 0.8 * written > 0, access


@has_huge_pages
@each_user
def test_a_fork_server_keeps_a_copy_of_the_constants_that_all_read(ordinary: bool) -> None:
    """Its children inherit that in one huge page, and would look up each page of a file anew."""
    with holding(kind="fork", ordinary=ordinary) as (_, words):
        text = Path(f"/proc/{words[2]}/smaps").read_text()
    assert kilobytes(text, "r--p", "AnonHugePages") == 2048


@root_only
def test_nobody_else_sees_the_root() -> None:
    """Where the mount point is a shared mount of its own, nothing is mounted over it for the rest of the machine."""
    trap = 'mount --bind /tmp /tmp; mount --make-rshared /; exec "$@"'
    with NamedTemporaryFile(dir="/tmp") as marker, holding(wrapper=[*IN_OWN_MOUNTS, trap, "sh"]) as (process, words):
        assert len(words) == 2
        assert Path(f"/proc/{process.pid}/root/{marker.name}").samefile(marker.name)


BIND = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
from sandboxd.jail import kernel, namespaces
namespaces.enter_user_namespace()
kernel.unshare(namespaces.FLAGS["mnt"])
namespaces.make_root("/tmp", [("/dev/shm/secret", "/secret")])
flags = os.statvfs("/secret").f_flag
print(*(name for name in ("RDONLY", "NOSUID", "NODEV", "NOEXEC") if flags & getattr(os, "ST_" + name)))
"""


@root_only
def test_what_a_mount_forbids_stays_forbidden() -> None:
    """A user namespace may not take such flags away, and need not: a file that its user cannot even read is bound with them."""
    trap = 'mount -t tmpfs -o noexec,nosuid,nodev trap /dev/shm; touch /dev/shm/secret; chmod 0 /dev/shm/secret; exec "$@"'
    command = [*IN_OWN_MOUNTS, trap, "sh", "setpriv", *AS_USER, ordinary_python(), "-ISc", BIND]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout.split(), done.stderr) == (["RDONLY", "NOSUID", "NODEV", "NOEXEC"], "")


@each_kind
@each_user
def test_what_a_worker_may_use_is_little(ordinary: bool, kind: str) -> None:
    """No core file, no file at all, no locked memory, few descriptors, and an end of its CPU time: hard limits, all of them."""
    with holding(kind=kind, ordinary=ordinary) as (_, words):
        lines = Path(f"/proc/{words[1]}/limits").read_text().splitlines()
    hard = {line[:26].strip(): line[26:].split()[1] for line in lines[1:]}
    assert [hard[f"Max {what}"] for what in ("core file size", "file size", "locked memory")] == ["0"] * 3
    assert int(hard["Max open files"]) <= 64
    assert hard["Max cpu time"] != "unlimited"


def capabilities(pid: int) -> dict[str, int]:
    """The capability sets of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {line[:6]: int(line.split()[1], 16) for line in lines if line.startswith("Cap")}


@root_only
@each_kind
@each_user
def test_no_capability_is_handed_down(ordinary: bool, kind: str) -> None:
    """A service manager may give a daemon inheritable and ambient capabilities: they pass through exec, but not to a worker."""
    gift = ["--inh-caps=+net_admin", *(["--ambient-caps=+net_admin"] if ordinary else [])]
    with holding(kind=kind, ordinary=ordinary, setpriv=gift) as (process, words):
        assert capabilities(process.pid)["CapInh"] != 0
        assert len(words) > 1
        found = capabilities(int(words[1]))
    assert {name: found[name] for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == dict.fromkeys(
        ("CapInh", "CapPrm", "CapEff", "CapAmb"), 0
    )


@root_only
@each_kind
def test_no_group_is_handed_down(kind: str) -> None:
    """Supplementary groups of the daemon open nothing to its workers."""
    with holding(kind=kind, setpriv=["--groups=7,8"]) as (process, words):
        groups = [
            Path(f"/proc/{pid}/status").read_text().partition("Groups:")[2].split("\n")[0] for pid in (process.pid, words[1])
        ]
    assert [each.split() for each in groups] == [["7", "8"], []]


@root_only
def test_root_without_the_right_to_empty_its_bounding_set_is_told() -> None:
    """The worker would be another user then, but with all capabilities to gain."""
    with holding(setpriv=["--bounding-set=-setpcap"]) as (_, words):
        assert any("capabilities:" in word for word in words), words
