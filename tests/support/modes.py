"""The three privilege modes, from outside: which can be had here, and what a job finds in one."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from js_harness import NATIVE
from sandboxd.models import LAYERS
from tests.support import jail_mode
from tests.support.outer import ordinary_python

ROOT = Path(__file__).resolve().parents[2]
MODES = ["R", "U", "N"]
KINDS = ["fork", "exec"]
"""The ways in which workers are made."""
NAMESPACES = [name for name in LAYERS if name.endswith("_namespace")]
NEEDS: dict[str, list[str]] = {"R": [], "U": [], "N": NAMESPACES}
OURS = "R" if os.geteuid() == 0 else "U"
"""The mode that this process is in itself."""
USER = 100_000 + os.getpid() if OURS == "R" else os.geteuid()
"""The ordinary user of modes U and N: where root chooses, one that nobody else has."""


def skip_unless_possible(mode: str) -> None:
    """Only root can be root."""
    if mode == "R" and OURS != "R":
        pytest.skip("only root can be root")


def copy_harness(folder: Path) -> None:
    """The probes' harness, where every user can read it."""
    folder.mkdir(exist_ok=True)
    for file in (ROOT / "tests/support/probe/harness.js", NATIVE):
        shutil.copy(file, folder)
    folder.chmod(0o755)


def start(mode: str, harness: str, **more: Any) -> subprocess.Popen[str]:
    """A job in a mode; see jail_mode.py for what may be asked."""
    asked = {"relax": NEEDS[mode], "user": USER, "harness": harness, "kind": "exec", **more}
    path = os.pathsep.join([str(ROOT), *(each for each in sys.path if each.endswith("site-packages"))])
    return subprocess.Popen(
        [ordinary_python() if OURS == "R" != mode else sys.executable, jail_mode.__file__, mode, json.dumps(asked)],
        env={"PYTHONPATH": path, "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(job: subprocess.Popen[str], seconds: float) -> dict[str, Any]:
    """What it found."""
    try:
        said, complaint = job.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        job.kill()
        said, complaint = job.communicate()
        complaint = f"not finished within {seconds} s\n{complaint}"
    assert job.returncode == 0, complaint
    found: dict[str, Any] = json.loads(said)
    return found


def told(mode: str, harness: str, probes: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    """What the workers of a mode say to the probes."""
    return finish(start(mode, harness, probes=probes or {}, **more), 300)
