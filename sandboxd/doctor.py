"""What this machine gives the daemon: one finding a subject, each with what to do when it is not well."""

import os
import platform
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import msgspec
import trio
from msgspec import Struct

from js_harness import NATIVE
from sandboxd import __version__
from sandboxd.config import Settings
from sandboxd.errors import JailError, SandboxdError
from sandboxd.executions.engine import NOTHING, open_engine, read_policy
from sandboxd.jail import delegation
from sandboxd.models import JailLayer, Source, Status
from sandboxd.policy.decide import local_grant
from sandboxd.pool.runtime import choose_workers, find_node

PROFILE: Final = "code-nodes"
IMPOSSIBLE: Final = "impossible here"
_KINDS: Final = {"fork": "forked from one Node", "exec": "each a Node of its own"}


class Finding(Struct, frozen=True):
    """`remedy` says what to do when it is not `ok`."""

    subject: str
    ok: bool
    text: str
    remedy: str = ""


_Result = tuple[bool, str, str]
"""A finding's `ok`, `text` and `remedy`."""


async def examine(settings: Settings) -> list[Finding]:
    """All findings, in the order in which they depend on each other. Nothing is changed on the machine."""
    findings = [Finding("sandboxd", True, f"version {__version__}, Python {platform.python_version()}, {platform.machine()}")]
    for subject, check in _CHECKS.items():
        if subject == "worker":
            try:
                findings += await _jail(settings)
            except* SandboxdError as group:
                findings.append(Finding("jail", False, _text(group).splitlines()[0]))
        try:
            ok, text, remedy = await check(settings)
            findings.append(Finding(subject, ok, text, remedy))
        except* SandboxdError as group:
            findings.append(Finding(subject, False, _text(group)))
    return findings


def _first(group: BaseException) -> BaseException:
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    return group


def _text(group: BaseException) -> str:
    return str(_first(group))


async def _kernel(_: Settings) -> _Result:
    try:
        os.close(os.pidfd_open(os.getpid()))  # asked, not looked up: Python may know it where the kernel does not
        fits = True
    except (AttributeError, OSError):
        fits = False
    return fits, f"{platform.system()} {platform.release()}", "" if fits else "Linux 5.9 or later is needed"


async def _native(_: Settings) -> _Result:
    built = NATIVE.exists()
    return built, "built" if built else "missing", "" if built else "install with pip, or run make"


async def _node(settings: Settings) -> _Result:
    node = await trio.to_thread.run_sync(find_node, settings.node)
    without = "" if node.typescript else "; cannot strip TypeScript (needs 22.13)"
    return True, f"{node.version} at {node.path} ({node.origin}){without}", ""


async def _workers(settings: Settings) -> _Result:
    node = await trio.to_thread.run_sync(find_node, settings.node)
    kind, why = choose_workers(node, settings.pool.workers)
    return True, f"{_KINDS[kind]}: {why}", ""


async def _policy(settings: Settings) -> _Result:
    policy = read_policy(settings)
    return True, f"{len(policy.profiles)} profiles, {len(policy.tiers)} tiers", ""


async def _data(settings: Settings) -> _Result:
    path = settings.data_path
    there = next(parent for parent in (path, *path.absolute().parents) if parent.exists())
    fits = there.is_dir() and os.access(there, os.W_OK | os.X_OK)
    text = f"{path}{'' if path.exists() else ' (to be created)'}"
    remedy = f"{there} is not writable for uid {os.getuid()}" if there.is_dir() else f"{there} is not a folder"
    return fits, text, "" if fits else f"{remedy}; set SANDBOXD_DATA_DIR to another"


async def _cgroup(_: Settings) -> _Result:
    """Well either way: every other wall stands without it."""
    try:
        return True, f"each worker gets one, in {delegation.find()}", ""
    except delegation.NoSubtree as why:
        return True, f"{IMPOSSIBLE}: {why.message}", ""


def _layer(layer: JailLayer, whose: str = "") -> Finding:
    text = f"{layer.state}: {layer.text}" if layer.text else layer.state
    return Finding(f"jail{whose}: {layer.name}", layer.state != IMPOSSIBLE, text, layer.remedy)


def _one(settings: Settings) -> Settings:
    """The same, with no more workers than a look needs."""
    return msgspec.structs.replace(settings, pool=msgspec.structs.replace(settings.pool, ahead=1, running=1))


async def _jail(settings: Settings) -> list[Finding]:
    """One finding a layer and one a canary, from launchers that are started for it, one for each profile that is served."""
    policy = read_policy(settings)
    profiles = [PROFILE, *(door for door in settings.doors if door in policy.profiles and door != PROFILE)]
    try:
        async with open_engine(_one(settings), policy, profiles) as engine:
            first, *others = (engine.pools[profile] for profile in profiles)
            found = [_layer(layer) for layer in first.layers]
            for other in others:  # said once where it is the same
                found += [_layer(layer, f" of {other.name}") for layer in other.layers if layer not in first.layers]
            found.append(Finding("canary", first.problem is None, first.canary))
            return [*found, *(Finding(f"canary of {other.name}", other.problem is None, other.canary) for other in others)]
    except* JailError as group:
        found = [_layer(layer) for layer in getattr(_first(group), "findings", ())]
        if all(layer.ok for layer in found):  # then it was not a layer that could not be had
            found.append(Finding("canary", False, _text(group)))
    return found


async def _worker(settings: Settings) -> _Result:
    """An execution for real: what the daemon will do, done once."""
    policy = read_policy(settings)
    async with open_engine(_one(settings), policy, [PROFILE]) as engine:
        engine.demand()
        grant = local_grant(policy, PROFILE, None, field="wall_ms")
        outcome = await engine.run(grant, Source("return 1 + 1"), user="doctor", input=NOTHING)
    if outcome.status is Status.succeeded and outcome.value is not None and bytes(outcome.value) == b"2":
        return True, f"an execution took {outcome.usage.wall_ms:.1f} ms", ""
    why = outcome.failure.message if outcome.failure is not None else "with a wrong result"
    return False, f"an execution ended as {outcome.status}: {why}", ""


_CHECKS: Final[Mapping[str, Callable[[Settings], Awaitable[_Result]]]] = {
    "kernel": _kernel,
    "native module": _native,
    "node": _node,
    "workers": _workers,
    "policy": _policy,
    "data directory": _data,
    "cgroup": _cgroup,
    "worker": _worker,
}
