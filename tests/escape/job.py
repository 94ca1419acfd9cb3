"""The job for jail_mode.py: all attacks in one mode, those on the product's engine and those that start escaped."""

import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil
import trio

from sandboxd.executions.engine import Engine
from sandboxd.models import Outcome
from sandboxd.policy.decide import local_grant
from sandboxd.pool.worker import Worker
from tests.equivalence.compare import written
from tests.escape.witnesses.signals import Witness, recorded
from tests.support import engines
from tests.support.attacks import Attack, read_attacks, traces, words_of
from tests.support.jail_probes import PROFILE, ask, parent_of, probes, product

PRELUDE = Path(__file__).with_name("prelude.js").read_text()
AT_ONCE = {"engine": 8, "escaped": 4}
SHORT_MS, LONG_MS = 1500, 30_000
SHOWN = 2000
NO_LIMIT = 1 << 40

Told = dict[str, Any]


def wall_ms(attack: Attack) -> int:
    """Short for what may run into the wall; for everything else long enough for the slowest of machines."""
    return SHORT_MS if "timeout" in attack.allowed else LONG_MS


def told_of(outcome: Outcome, codegen: bool) -> Told:
    """What the tests want to know of an outcome."""
    said, value = traces(outcome), bytes(outcome.value or b"").decode()
    return {
        "words": sorted(words_of(outcome, codegen=codegen)),
        "end": (outcome.failure.message if outcome.failure is not None else value)[:SHOWN],
        "traces": [word for word in ("ESCAPED", "harness.js") if word in said],
        "memory_bytes": outcome.usage.memory_bytes,
    }


async def each(attacks: list[Attack], at_once: int, one: Callable[[Attack], Awaitable[Told]]) -> dict[str, Told]:
    """All attacks, some at a time."""
    found: dict[str, Told] = {}
    limiter = trio.CapacityLimiter(at_once)

    async def take(attack: Attack) -> None:
        async with limiter:
            found[attack.name] = await one(attack)

    async with trio.open_nursery() as nursery:
        for attack in attacks:
            nursery.start_soon(take, attack)
    return found


async def on_engine(engine: Engine, attacks: list[Attack], codegen: bool) -> dict[str, Told]:
    """Attacks as a user would send them, and the same user's `1 + 1` after each."""

    async def one(attack: Attack) -> Told:
        outcome = await engines.run(engine, attack.code, user=attack.name, wall_ms=wall_ms(attack))
        after = await engines.run(engine, "return 1 + 1", user=attack.name, wall_ms=LONG_MS)
        return told_of(outcome, codegen) | {"after": engines.value(after), "outcome": written(outcome)}

    return await each(attacks, AT_ONCE["engine"], one)


async def escaped(asked: Told, engine: Engine, attacks: list[Attack]) -> Told:
    """Attacks that start in Node's main realm, with what is around them: a sibling, a process of the same user, the daemon.

    Their host calls are answered by the product's broker.
    """
    profile, grant = engine.policy.profiles[PROFILE], local_grant(engine.policy, PROFILE, None, field="")
    witnesses: dict[int, Witness] = {}
    memory = {"memory_bytes": NO_LIMIT} if asked["bare"] else {}
    async with probes(asked, profile) as server:
        sibling: Worker = await server.spawn()
        pids = {"daemon": os.getpid(), "launcher": parent_of(sibling.pid), "sibling": sibling.pid}
        private = any(layer.name == "mount_namespace" and layer.state == "enforced" for layer in server.layers)
        harness = "/harness" if private else asked["harness"]
        around = asked["target"] | pids | {"harness": f"{harness}/harness.js", "library": f"{harness}/library.node"}

        async def one(attack: Attack) -> Told:
            worker = await server.spawn()
            uid = psutil.Process(worker.pid).uids().real
            if uid not in witnesses:
                witnesses[uid] = Witness(uid)
            target = around | {"witness": witnesses[uid].pid}
            code = f"const target = {json.dumps(target)};\n{PRELUDE}\n{attack.code}"
            with engine.broker.session(grant, attack.name) as session:
                outcome = await ask(worker, code, profile, answer=session.answer, wall_ms=wall_ms(attack), **memory)
            return told_of(outcome, codegen=True)

        found = await each(attacks, AT_ONCE["escaped"], one)
        sibling_said = await ask(sibling, "return 'alive'", profile)
    heard = {uid: witness.heard() for uid, witness in witnesses.items()}
    return {"escaped": found, "sibling": bytes(sibling_said.value or b"").decode(), "witnesses": heard}


async def run(asked: Told) -> Told:
    """Everything in `folders`, then in `escaped`; what the daemon heard meanwhile; and how it does afterwards."""
    attacks = [attack for folder in asked["folders"] for attack in read_attacks(Path(folder))]
    if asked["codegen"]:
        attacks = [attack for attack in attacks if attack.makes_code]
    beyond = [attack for attack in read_attacks(Path(asked["escaped"])) if attack.bare or not asked["bare"]]
    with recorded() as heard:
        async with product(asked, running=AT_ONCE["engine"], wait_ms=600_000, start_timeout_ms=60_000) as engine:
            found = await on_engine(engine, attacks, asked["codegen"])
            told = {} if asked["codegen"] else await escaped(asked, engine, beyond)
            begun = trio.current_time()
            after = await engines.run(engine, "return 1 + 1", wall_ms=LONG_MS)
            after_ms = (trio.current_time() - begun) * 1000
    return told | {"engine": found, "daemon": heard, "after": engines.value(after), "after_ms": after_ms}
