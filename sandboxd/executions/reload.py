"""The policy read again while executions run: as a whole, or not at all."""

import logging
from collections.abc import AsyncIterator, Mapping
from hashlib import sha256
from typing import Final

import trio

from sandboxd import notify
from sandboxd.audit import Audit
from sandboxd.config import Settings
from sandboxd.errors import PolicyError, SandboxdError, leaves
from sandboxd.executions.engine import Engine, load_calls, read_policy_files
from sandboxd.jail import seccomp
from sandboxd.policy.changes import changes
from sandboxd.policy.load import load_policy
from sandboxd.policy.model import Policy

MOST_TOLD: Final = 100
"""Changes and problems that are told one by one."""

REFUSED: Final = "the last reload was refused; the log says why"


def fingerprints(files: Mapping[str, str]) -> dict[str, str]:
    """What `sha256sum` says of policy files."""
    return {name: sha256(text.encode()).hexdigest() for name, text in files.items()}


async def serve_reloads(asked: AsyncIterator[object], settings: Settings, engine: Engine, audit: Audit) -> None:
    """Reloads whenever it is asked to, one after the other."""
    async for _ in asked:
        with notify.reloading():
            await reload(settings, engine, audit)


async def reload(settings: Settings, engine: Engine, audit: Audit) -> None:
    """Reads the policy of the settings' folder and goes on under it; one that is wrong leaves everything as it was.

    What came of it is in the audit log, and with that in the log: what has changed, or all that is wrong.
    """
    hashes: dict[str, str] = {}
    try:
        files = await trio.to_thread.run_sync(read_policy_files, settings)
        hashes = fingerprints(files)
        policy, calls = await trio.to_thread.run_sync(_load, files)
        changed = changes(engine.policy, policy) + ["seccomp"] * (calls != engine.calls)
        workers = await engine.adopt(policy, calls)
        engine.policy_problem = ""
        audit.note("policy reloaded", changed=_told(changed), workers_anew=workers, sha256=hashes)
    except* SandboxdError as group:
        engine.policy_problem = REFUSED
        problems = _told([each for error in leaves(group) for each in _problems(error)])
        audit.note("policy refused, the one before holds", level=logging.ERROR, problems=problems, sha256=hashes)


def _load(files: Mapping[str, str]) -> tuple[Policy, seccomp.Policy]:
    """Raises PolicyError with the problems of all files."""
    problems: list[str] = []
    policy = calls = None
    try:
        policy = load_policy(files)
    except PolicyError as error:
        problems += error.problems
    try:
        calls = load_calls(files)
    except PolicyError as error:
        problems += [f"seccomp/{problem}" for problem in error.problems]
    if policy is None or calls is None:
        raise PolicyError(problems)
    return policy, calls


def _problems(error: BaseException) -> list[str]:
    return list(error.problems) if isinstance(error, PolicyError) else [str(error)]


def _told(lines: list[str]) -> list[str]:
    return lines if len(lines) <= MOST_TOLD else [*lines[:MOST_TOLD], f"and {len(lines) - MOST_TOLD} more"]
