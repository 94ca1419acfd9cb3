"""Direct system calls under the filters of a policy, in the real kernel: what becomes of each, in words of seccomp_call.py."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence

from sandboxd.jail import seccomp
from sandboxd.jail.syscalls import X32_BIT
from tests.support import seccomp_call
from tests.support.seccomp_table import HARDENED, TABLE, Args

HOST = seccomp.host()
NOBODY = 65534
USERS = {"root": None, "user": NOBODY} if os.getuid() == 0 else {"user": None}
WORDS = {"E": "EPERM", "N": "ENOSYS", "K": "SIGSYS"}
TABLES = {"all": (TABLE, frozenset({"jit", "threads"})), "hardened": (HARDENED, frozenset[str]())}

Filter = tuple[str, tuple[int, ...]]


def filters(policy: seccomp.Policy, phase: str | None, on: frozenset[str]) -> list[Filter]:
    """The filters that are on in a phase, the outer one first, as the helper takes them."""
    if phase is None or HOST is None:
        return []
    within = policy.phases[phase].within
    program = seccomp.compile_phase(policy, phase, HOST, on, upon="server" if phase == "child" else None)
    return [*filters(policy, within, on), (program.code.hex(), program.pid_at)]


def number(call: str) -> int | str | None:
    """What the helper is told to call; None where this architecture has no such call."""
    if call in seccomp_call.FUNCTIONS or call == "int80":
        return call
    if HOST is None or (not HOST.x32 and call.startswith("#x32")):
        return None
    if call.startswith("#"):
        return X32_BIT + int(call[5:]) if call.startswith("#x32:") else int(call[1:])
    return HOST.numbers.get(call)


def made(user: str, jobs: Sequence[tuple[str, Args]], on: Sequence[Filter]) -> list[str]:
    """What becomes of calls under filters, in the helper's words."""
    asked = [{"filters": on, "call": number(call), "args": args} for call, args in jobs]
    done = subprocess.run(
        [sys.executable, "-I", "-S", seccomp_call.__file__],
        input=json.dumps({"uid": USERS[user], "jobs": asked}),
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    words: list[str] = json.loads(done.stdout)
    return words
