"""The units of systemd/: correct, as tight as they say, and the sandbox whole under all that they restrict."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support import under_systemd
from tests.support.outer import ROOT, ordinary_python
from tests.support.under_systemd import FOLDERS

MOST_EXPOSURE = 2.0
"""The score of systemd-analyze, from 0 (nothing to attack) to 10. What is left are the deviations that the unit names."""
needs_analyze = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is absent; CI installs it")


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units, with a program that is there."""
    for unit in (ROOT / "systemd").glob("sandboxd.*"):
        text = unit.read_text()
        (tmp_path / unit.name).write_text(text.replace("/opt/sandboxd/bin/sandboxd", "/bin/true"))
    return tmp_path


def analyze(*arguments: str) -> tuple[int, str]:
    """The exit code of systemd-analyze, and all it said."""
    done = subprocess.run(
        ["systemd-analyze", "--no-pager", *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout + done.stderr


@needs_analyze
def test_the_units_are_correct(units: Path) -> None:
    """systemd-analyze finds nothing to say, not even a warning."""
    assert analyze("verify", "--man=no", *(str(unit) for unit in units.iterdir())) == (0, "")


@needs_analyze
def test_the_service_is_exposed_no_more_than_it_must(units: Path) -> None:
    """Its score, and each line that still adds to it, is one of the deviations."""
    code, told = analyze("security", "--offline=true", "--threshold=100", str(units / "sandboxd.service"))
    score = re.search(r"Overall exposure level for sandboxd.service: ([0-9.]+)", told)
    assert (code, score is not None) == (0, True), told
    assert score is not None
    print(f"exposure {score[1]}")
    assert float(score[1]) <= MOST_EXPOSURE, told
    refused = {line.split()[1].rstrip("=") for line in told.splitlines() if line.startswith("✗")}
    unexplained = {name for name in refused if not any(part in name for part in DEVIATIONS)}
    assert unexplained == set()


DEVIATIONS = {
    "SystemCallFilter=~@privileged": "it has pivot_root and chroot, for private roots",
    "SystemCallFilter=~@mount": "private roots",
    "RestrictNamespaces=~": "what the jail is made of",
    "MemoryDenyWriteExecute": "V8 compiles",
    "RestrictAddressFamilies=~": "TCP and Unix sockets",
    "PrivateNetwork": "callers and fetch",
    "IPAddressDeny": "judged by the daemon",
    "RootDirectory": "a service of the machine's own file system, read-only",
    "Delegate": "a cgroup for each worker",
    "DeviceAllow": "char-rtc, which ProtectClock itself allows to be read",
}


def test_every_deviation_is_said_where_it_stands() -> None:
    """A line that is weaker than it could be has a comment that says so, and the README lists it."""
    unit, readme = (ROOT / "systemd/sandboxd.service").read_text(), (ROOT / "systemd/README.md").read_text()
    for setting in ("Delegate", "PrivateNetwork", "MemoryDenyWriteExecute", "RestrictNamespaces", "SystemCallFilter"):
        assert re.search(rf"# Deviation:[^\n]*(\n#[^\n]*)*\n?(?:{setting}=|[^\n]*{setting})", unit), setting
        assert f"`{setting}" in readme


# ------------------------------------------------------------------ under a real systemd


@contextmanager
def control_groups() -> Iterator[list[str]]:
    """Empty ones of ours, in the hierarchies that systemd uses: below this process's own."""
    made = []
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, own = line.split(":", 2)
        for mounted in {"name=systemd": ["systemd"], "": ["unified", "."]}.get(controllers, []):
            home = Path("/sys/fs/cgroup", mounted)
            if (home / "cgroup.procs").exists():
                made.append(home / own.strip("/") / f"sandboxd-test-{os.getpid()}")
                break
    try:
        for folder in made:
            folder.mkdir()
        yield [str(folder) for folder in made]
    finally:
        for folder in made:
            for below, _, _ in os.walk(folder, topdown=False):
                Path(below).rmdir()


@pytest.fixture(scope="module")
def under() -> dict[str, Any]:
    """What was seen of the service under systemd; see under_systemd.py."""
    if os.geteuid() != 0:
        pytest.skip("only root can give the units a machine of their own to be tried on")
    if (
        not all(shutil.which(name) for name in ("systemctl", "systemd-sysusers", "unshare"))
        or not Path(under_systemd.SYSTEMD).exists()
    ):
        pytest.skip("systemd is absent; CI installs it")
    namespaces = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"]
    try:
        with control_groups() as groups:
            command = [
                "unshare",
                *namespaces,
                ordinary_python(),
                "-I",
                under_systemd.__file__,
                json.dumps(FOLDERS),
                json.dumps(groups),
            ]
            done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd="/", check=False)
    except PermissionError as problem:
        pytest.skip(f"a service manager needs a control group of its own, and there is none to be had: {problem}")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_jail_is_whole_under_the_units_restrictions(under: dict[str, Any]) -> None:
    """`doctor`, in the unit's place, finds every layer enforced, the canary stopped, and an execution done."""
    found = {each["subject"]: each for each in under["doctor"]}
    assert [each for each in found.values() if not each["ok"]] == []
    layers = {name.removeprefix("jail: "): each["text"] for name, each in found.items() if name.startswith("jail: ")}
    assert {name for name, text in layers.items() if text != "enforced"} == {"uid"}  # an ordinary user has but one
    assert found["canary"]["text"] == "17 attempts, all stopped"


def test_the_restrictions_hold_for_the_daemon(under: dict[str, Any]) -> None:
    """It is the user of sysusers.d, without capabilities, filtered, and can write to nothing but its data and /tmp."""
    status = under["status"]
    assert status["Uid"].split() == [under["owner"][1]] * 4
    assert {status[name] for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb", "CapInh")} == {"0" * 16}
    assert (status["NoNewPrivs"], status["Seccomp"], status["Umask"]) == ("1", "2", "0077")
    mounts = dict(under["mounts"])
    assert mounts["/"].startswith("ro,")
    assert mounts[str(under_systemd.STATE)].startswith("rw,")
    assert {"/tmp", "/root", "/proc"} <= set(mounts)


def test_the_data_is_the_service_s_alone(under: dict[str, Any]) -> None:
    """StateDirectory is its user's, and nothing in it can be read by another."""
    assert str(under["owner"][0]) == under["owner"][1]
    assert [name for name, mode in under["data"].items() if int(mode, 8) & 0o077] == []


def test_each_worker_has_a_cgroup_below_the_service_s(under: dict[str, Any]) -> None:
    """Delegated to its user, and alone writable among all control groups; the controllers are not tried."""
    if "\n0::" not in "\n" + Path("/proc/self/cgroup").read_text():
        pytest.skip("there is no cgroup v2 hierarchy")
    groups = {path: options for path, options in under["mounts"] if path.startswith("/sys/fs/cgroup")}
    writable = [path for path, options in groups.items() if not options.startswith("ro,")]
    assert [path.endswith(f"/{under_systemd.SERVICE}") for path in writable] == [True]
    workers = {name: pids for name, pids in under["cgroups"].items() if name != "daemon"}
    assert under["during"]["MainPID"] in under["cgroups"]["daemon"]
    assert workers
    assert [name for name, pids in workers.items() if not name.startswith("worker-") or len(pids) > 1] == []
    assert under["cgroup stays"] is False


def test_a_request_to_the_socket_starts_the_service(under: dict[str, Any]) -> None:
    """Before it there is none; it waits until the daemon is ready, which says why `bind` is not used."""
    assert (under["before"]["ActiveState"], under["ready"][0]) == ("inactive", 200)
    assert (under["during"]["ActiveState"], under["during"]["SubState"]) == ("active", "running")
    assert under["during"]["StatusText"] == "serving code-nodes, executions, actions on http://127.0.0.1:8000"
    assert any('"bind is not used"' in line for line in under["log"])
    assert not any("cannot be told" in line for line in under["log"])


def test_a_restart_refuses_nobody(under: dict[str, Any]) -> None:
    """What comes while the service restarts is answered by the one or the other; its stop is a success."""
    assert [under[moment][1]["return_value"] for moment in ("execution", "while it restarts")] == [42, 42]
    assert under["restarted"]["MainPID"] not in ("0", under["during"]["MainPID"])
    assert (under["after"]["ActiveState"], under["after"]["Result"], under["after"]["ExecMainStatus"]) == (
        "inactive",
        "success",
        "0",
    )
