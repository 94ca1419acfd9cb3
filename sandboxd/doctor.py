"""What this machine gives the daemon: one finding a subject, each with what to do when it is not well."""

import os
import platform

import msgspec
from msgspec import Struct

from js_harness import NATIVE
from sandboxd import __version__
from sandboxd.config import Settings
from sandboxd.errors import SandboxdError
from sandboxd.executions.engine import NOTHING, open_engine, read_policy
from sandboxd.models import Source, Status
from sandboxd.policy.decide import local_grant
from sandboxd.pool.runtime import find_node


class Finding(Struct, frozen=True):
    """`remedy` says what to do when it is not `ok`."""

    subject: str
    ok: bool
    text: str
    remedy: str = ""


async def examine(settings: Settings) -> list[Finding]:
    """All findings, in the order in which they depend on each other. Nothing is changed on the machine."""
    findings = [Finding("sandboxd", True, f"version {__version__}, Python {platform.python_version()}, {platform.machine()}")]
    for check in (_kernel, _native, _node, _policy, _data, _worker):
        try:
            findings.append(await check(settings))
        except* SandboxdError as group:
            findings.append(Finding(check.__name__.strip("_"), False, _text(group)))
    return findings


def _text(group: BaseExceptionGroup[SandboxdError]) -> str:
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return str(first)


async def _kernel(_: Settings) -> Finding:
    fits = platform.system() == "Linux" and hasattr(os, "pidfd_open")
    return Finding("kernel", fits, f"{platform.system()} {platform.release()}", "" if fits else "Linux 5.9 or later is needed")


async def _native(_: Settings) -> Finding:
    built = NATIVE.exists()
    return Finding("native module", built, "built" if built else "missing", "" if built else "install with pip, or run make")


async def _node(settings: Settings) -> Finding:
    node = find_node(settings.node)
    without = "" if node.typescript else "; cannot strip TypeScript (needs 22.13)"
    return Finding("node", True, f"{node.version} at {node.path} ({node.origin}){without}")


async def _policy(settings: Settings) -> Finding:
    policy = read_policy(settings)
    return Finding("policy", True, f"{len(policy.profiles)} profiles, {len(policy.tiers)} tiers")


async def _data(settings: Settings) -> Finding:
    path = settings.data_path
    there = next(parent for parent in (path, *path.parents) if parent.exists())
    writable = os.access(there, os.W_OK)
    text = f"{path}{'' if path.exists() else ' (to be created)'}"
    return Finding("data directory", writable, text, "" if writable else f"{there} is not writable for uid {os.getuid()}")


async def _worker(settings: Settings) -> Finding:
    """An execution for real: what the daemon will do, done once."""
    policy = read_policy(settings)
    one = msgspec.structs.replace(settings, pool=msgspec.structs.replace(settings.pool, ahead=1, running=1))
    async with open_engine(one, policy, ["code-nodes"]) as engine:
        engine.demand()
        grant = local_grant(policy, "code-nodes", None, field="wall_ms")
        outcome = await engine.run(grant, Source("return 1 + 1"), user="doctor", input=NOTHING)
    works = outcome.status is Status.succeeded and outcome.value is not None and bytes(outcome.value) == b"2"
    text = (
        f"an execution took {outcome.usage.wall_ms:.1f} ms"
        if works
        else f"an execution ended as {outcome.status}: {outcome.failure}"
    )
    return Finding("worker", works, text)
