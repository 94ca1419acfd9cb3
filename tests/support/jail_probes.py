"""Jobs for jail_mode.py: the product's engine in a mode, and a source of workers that start where an escape would end."""

import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import trio

from js_harness import ENTRY, HOME, NATIVE
from sandboxd.config import PoolSettings, Settings
from sandboxd.executions.engine import Engine, most, open_engine, read_policy
from sandboxd.jail import attest
from sandboxd.models import Outcome, Source
from sandboxd.policy.decide import local_grant
from sandboxd.policy.model import Jail, Policy, Profile
from sandboxd.pool.execserver import open_execserver
from sandboxd.pool.forkserver import open_forkserver
from sandboxd.pool.launching import Plan
from sandboxd.pool.runtime import find_node, plan
from sandboxd.pool.worker import Worker
from sandboxd.protocol.messages import Answer, Capabilities, FetchCapability, Run, RunLimits

PROFILE = "code-nodes"
SOURCES: dict[str, Callable[[Plan], AbstractAsyncContextManager[Any]]] = {"exec": open_execserver, "fork": open_forkserver}
ABOVE = {"exec": 1, "fork": 2}
"""How far above its workers the launcher is."""


def jailed_policy(asked: dict[str, Any]) -> Policy:
    """The shipped policy with `relax` of what was asked, and code from strings allowed if that was."""
    shipped = read_policy(Settings())
    profile = shipped.profiles[PROFILE]
    jailed = msgspec.structs.replace(profile, jail=Jail(relax=asked.get("relax", [])))
    if asked.get("codegen"):
        jailed = msgspec.structs.replace(jailed, eval=msgspec.structs.replace(profile.eval, allowed=True))
    return msgspec.structs.replace(shipped, profiles={PROFILE: jailed})


@asynccontextmanager
async def product(asked: dict[str, Any], **sizes: int) -> AsyncIterator[Engine]:
    """The engine as it is shipped, with the kind of workers that was asked for. Raises JailError."""
    pool = msgspec.convert({"workers": asked["kind"]} | sizes, PoolSettings)
    async with open_engine(Settings(node=asked.get("node", ""), pool=pool), jailed_policy(asked), [PROFILE]) as engine:
        engine.demand()
        yield engine


def probes(asked: dict[str, Any], profile: Profile) -> AbstractAsyncContextManager[Any]:
    """Workers of the probes' harness, behind the same walls as the product's; `bare` ones behind none."""
    how = plan(find_node(asked.get("node", "")), profile, most(profile), start_timeout_ms=60_000, workers=asked["kind"])
    walls = json.loads(json.dumps(how.walls).replace(json.dumps(str(HOME)), json.dumps(asked["harness"])))
    argv = [asked["harness"] + "/harness.js" if part == str(ENTRY) else part for part in how.argv]
    children = json.loads(argv[-1]).get("children")
    argv[-1] = json.dumps({"early": asked.get("early", ""), "children": children})
    env = how.env | {"LD_PRELOAD": f"{asked['harness']}/{NATIVE.name}"}
    how = msgspec.structs.replace(how, walls=walls, argv=argv, env=env)
    if asked.get("bare"):
        how = msgspec.structs.replace(how, walls=None, rlimits={})
    return SOURCES[asked["kind"]](how)


async def ask(worker: Worker, code: str, profile: Profile, *, answer: Answer | None = None, **limits: int) -> Outcome:
    """What a worker of the probes makes of some code; it may make host calls if there is somebody who answers."""
    granted = Capabilities(FetchCapability(None, 1 << 16)) if answer is not None else Capabilities()
    request = Run(code, "javascript", PROFILE, False, RunLimits(10**6, 10**6, 99), capabilities=granted)
    return await worker.run(request, msgspec.structs.replace(most(profile), **limits), None, answer)


async def run(asked: dict[str, Any]) -> dict[str, Any]:
    """Runs the product's worker once, then each of `probes` (name: code) in a worker of its own."""
    found: dict[str, Any] = {}
    async with product(asked, ahead=1, running=1) as engine:
        source = Source("console.log('said'); return 6 * 7")
        outcome = await engine.run(local_grant(engine.policy, PROFILE, None, field=""), source, user=1)
        found["product"] = [str(outcome.status), bytes(outcome.value or b"").decode()]
        found["layers"] = {layer.name: layer.state for layer in engine.pools[PROFILE].layers}
    profile = engine.policy.profiles[PROFILE]
    async with probes(asked, profile) as server:
        enforced = {layer.name for layer in server.layers if layer.state == "enforced"}
        for what, code in asked["probes"].items():
            worker = await server.spawn()
            found["attested"] = attest.discrepancies(worker.pid, enforced)
            outcome = await ask(worker, code, profile)
            failure = outcome.failure.message if outcome.failure is not None else ""
            found[what] = json.loads(bytes(outcome.value)) if outcome.value is not None else failure
        found["orphan"] = await orphaned(await server.spawn(), ABOVE[asked["kind"]])
    return found


def parent_of(pid: int) -> int:
    """The pid of a process's parent."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("PPid:"))


async def orphaned(worker: Worker, above: int) -> str:
    """What becomes of a worker whose launcher is killed."""
    pid = worker.pid
    for _ in range(above):
        pid = parent_of(pid)
    os.kill(pid, signal.SIGKILL)
    with trio.move_on_after(10):
        await trio.lowlevel.wait_readable(worker.process.pidfd)
        return "gone"
    return "alive"
