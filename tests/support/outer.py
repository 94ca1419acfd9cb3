"""The command line as somebody less: an ordinary user, under the system calls that something around the daemon leaves it.

What Docker, AppArmor and their like refuse is written as the house writes system calls, and compiled by its compiler.
"""

import json
import os
import shutil
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest

from sandboxd.jail import seccomp, syscalls
from tests.support import seccomp_exec
from tests.support.cli import Ended
from tests.support.daemon import FREE

ROOT = Path(__file__).resolve().parents[2]
USER = 54_321

_PHASE = """
[phases.outer]
why = "What surrounds the daemon in this test."
default = "EPERM"
unknown = "ENOSYS"
include = "others these"
"""
_OTHERS = """
[[others]]
calls = "{calls}"
action = "allow"
why = "All that the other group does not decide."
"""


def outer_filter(rules: str) -> tuple[str, tuple[int, ...]]:
    """A filter, as seccomp_exec takes it, of the rules [[these]]; all calls that they do not name are allowed."""
    arch = seccomp.host()
    assert arch is not None
    named = {call for rule in tomllib.loads(rules)["these"] for call in rule["calls"].split()}
    others = _OTHERS.format(calls=" ".join(sorted(syscalls.known_calls() - named)))
    policy = seccomp.load_policy({"worker.toml": _PHASE, "others.toml": others, "these.toml": rules})
    made = seccomp.compile_phase(policy, "outer", arch, frozenset())
    return made.code.hex(), made.pid_at


def readable(path: Path) -> bool:
    """Whether an ordinary user gets there."""
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in (path, *path.parents))


def ordinary_python() -> str:
    """A Python of our version that an ordinary user can run."""
    ours = [sys.executable, shutil.which(f"python3.{sys.version_info.minor}", path="/usr/bin:/usr/local/bin") or ""]
    usable = [one for one in ours if one and readable(Path(one).resolve())]
    if not usable or not readable(ROOT):
        pytest.skip("an ordinary user can read no Python of this version, or not this checkout: nothing is known of his daemon")
    return usable[0]


def sandboxd(*arguments: str, root: bool = False, rules: str = "", drop: Iterable[str] = (), **environment: str) -> Ended:
    """A command to its end, as root without the capabilities `drop` or as an ordinary user, under these rules."""
    python = sys.executable if root else ordinary_python()
    path = os.pathsep.join([str(ROOT), *(each for each in sys.path if each.endswith("site-packages"))])
    given = {"PYTHONPATH": path, "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1", "HOME": "/nonexistent"}
    given |= FREE | environment
    filters = [outer_filter(rules)] if rules else []
    asked = json.dumps({"filters": filters, "listen": None, "env": given})
    command = [python, "-I", "-S", seccomp_exec.__file__, asked, python, "-m", "sandboxd", *arguments]
    if dropped := ",".join(f"-{name}" for name in drop):
        command = ["setpriv", f"--bounding-set={dropped}", f"--inh-caps={dropped}", *command]
    ids = {} if root or os.geteuid() != 0 else {"user": USER, "group": USER, "extra_groups": []}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd="/", env={"PATH": "/usr/bin:/bin"}, **ids)  # type: ignore[call-overload]
    return Ended(done.returncode, done.stdout, done.stderr)
