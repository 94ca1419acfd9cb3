"""Workers in one of the privilege modes, in a process of its own that gives up what the mode does not have.

    python jail_mode.py MODE JSON

MODE is R (root), U (an ordinary user) or N (an ordinary user, and a filter around everything that answers EPERM to whoever asks
for a namespace). JSON is {"relax": [...], "probes": {...}, "early": code, "harness": folder, "deny": [call numbers],
"errno": n}; printed is one JSON document: the layers, what each probe gave, or the error that kept the engine from starting.
"""

import ctypes
import json
import os
import signal
import struct
import sys
from pathlib import Path
from typing import Any

USER = 54_321
NAMESPACES = 0x7E02_0000  # all CLONE_NEW* but CLONE_NEWTIME, which clone(2) cannot ask for
LOAD, EQUAL, ANY_BIT, RETURN = 0x20, 0x15, 0x45, 0x06
ALLOW, ERRNO = 0x7FFF_0000, 0x0005_0000
CALLS = {"x86_64": (272, 56, 317), "aarch64": (97, 220, 277)}[os.uname().machine]  # unshare, clone, seccomp


def _install(program: list[tuple[int, int, int, int]]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    code = b"".join(struct.pack("<HBBI", *one) for one in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = ctypes.create_string_buffer(struct.pack("<HxxxxxxQ", len(program), ctypes.addressof(buffer)), 16)
    libc.prctl(38, 1, 0, 0, 0)
    if libc.syscall(CALLS[2], 1, 0, header) < 0:
        raise OSError(ctypes.get_errno(), "seccomp")


def deny(numbers: list[int], errno: int) -> None:
    """These calls, and clone with a namespace where unshare is among them, are answered with an errno from here on."""
    unshare, clone, _ = CALLS
    for number in numbers:
        _install([(LOAD, 0, 0, 0), (EQUAL, 0, 1, number), (RETURN, 0, 0, ERRNO | errno), (RETURN, 0, 0, ALLOW)])
    if unshare in numbers:
        flags = [(LOAD, 0, 0, 16), (ANY_BIT, 0, 1, NAMESPACES), (RETURN, 0, 0, ERRNO | errno), (RETURN, 0, 0, ALLOW)]
        _install([(LOAD, 0, 0, 0), (EQUAL, 0, 3, clone), *flags])


def give_up(mode: str, asked: dict[str, Any]) -> None:
    """Becomes what the mode says, and starts again as that: exec makes /proc/self our own."""
    if mode != "R":
        os.setgroups([])
        os.setresgid(USER, USER, USER)
        os.setresuid(USER, USER, USER)
    deny([CALLS[0]] if mode == "N" else asked.get("deny", []), asked.get("errno", 1))
    os.execve(sys.executable, [sys.executable, __file__, mode, sys.argv[2], "given up"], dict(os.environ))


async def probe(asked: dict[str, Any]) -> dict[str, Any]:
    """Runs the product's worker once, then each probe in a worker of its own."""
    import msgspec

    from js_harness import ENTRY, HOME
    from sandboxd.config import PoolSettings, Settings
    from sandboxd.executions.engine import most, open_engine, read_policy
    from sandboxd.jail import attest
    from sandboxd.models import Source
    from sandboxd.policy.decide import local_grant
    from sandboxd.policy.model import Jail
    from sandboxd.pool.execserver import open_execserver
    from sandboxd.pool.runtime import find_node, plan
    from sandboxd.protocol.messages import Run, RunLimits

    policy, name = read_policy(Settings()), "code-nodes"
    jailed = msgspec.structs.replace(policy.profiles[name], jail=Jail(relax=asked.get("relax", [])))
    policy = msgspec.structs.replace(policy, profiles={name: jailed})
    found: dict[str, Any] = {}
    async with open_engine(
        Settings(node=asked.get("node", ""), pool=PoolSettings(ahead=1, running=1)), policy, [name]
    ) as engine:
        engine.demand()
        source = Source("console.log('said'); return 6 * 7")
        outcome = await engine.run(local_grant(policy, name, None, field=""), source, user=1)
        found["product"] = [str(outcome.status), bytes(outcome.value or b"").decode()]
        found["layers"] = {layer.name: layer.state for layer in engine.pools[name].layers}
    how = plan(find_node(asked.get("node", "")), jailed, most(jailed), start_timeout_ms=20_000)
    walls = json.loads(json.dumps(how.walls).replace(json.dumps(str(HOME)), json.dumps(asked["harness"])))
    argv = [asked["harness"] + "/harness.js" if part == str(ENTRY) else part for part in how.argv]
    argv[-1] = json.dumps({"early": asked.get("early", "")})
    how = msgspec.structs.replace(how, walls=walls, argv=argv)
    async with open_execserver(how) as server:
        enforced = {layer.name for layer in server.layers if layer.state == "enforced"}
        for what, code in asked["probes"].items():
            worker = await server.spawn()
            found["attested"] = attest.discrepancies(worker.pid, enforced)
            outcome = await worker.run(Run(code, "javascript", "code-nodes", False, RunLimits(10**6, 10**6, 99)), most(jailed))
            failure = outcome.failure.message if outcome.failure is not None else ""
            found[what] = json.loads(bytes(outcome.value)) if outcome.value is not None else failure
        found["orphan"] = await orphaned(await server.spawn())
    return found


def parent_of(pid: int) -> int:
    """The pid of a process's parent."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("PPid:"))


async def orphaned(worker: Any) -> str:
    """What becomes of a worker whose launcher is killed."""
    import trio

    os.kill(parent_of(worker.pid), signal.SIGKILL)
    with trio.move_on_after(10):
        await trio.lowlevel.wait_readable(worker._pidfd)
        return "gone"
    return "alive"


def main() -> None:
    """See above."""
    mode, asked = sys.argv[1], json.loads(sys.argv[2])
    if len(sys.argv) == 3:
        give_up(mode, asked)
    import trio

    from sandboxd.errors import JailError

    told: dict[str, Any] = {}
    try:
        told = trio.run(probe, asked)
    except* JailError as group:
        error: Any = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        told = {"error": error.message, "layers": {layer.name: layer.state for layer in error.findings}}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
