"""Whether the workers of a source stand behind their walls: what a canary can do, and what the kernel says of a sample."""

import os
import signal
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from sandboxd.errors import JailError, WorkerStartError
from sandboxd.jail import attest
from sandboxd.models import Limits, Outcome
from sandboxd.pool.worker import Worker, WorkerSource
from sandboxd.protocol.messages import Canary

SAMPLE: Final = 64
"""The first worker of a source is attested, and then one of so many."""
KILLED: Final = "killed"
REFUSED: Final = frozenset({"EPERM", "EACCES", "ENOSYS", KILLED})
"""What walls answer. ENOENT, ECONNREFUSED and their like come from behind them: only circumstances were in the way."""
LIMITS: Final = Limits(wall_ms=30_000, memory_bytes=64 << 20, output_bytes=8192, result_bytes=64, source_bytes=0, depth=1)

_FILES: Final = ("seccomp_run", "mount_namespace", "landlock")
_NETWORK: Final = ("seccomp_run", "net_namespace")
_SIGNALS: Final = ("seccomp_run", "pid_namespace", "uid", "landlock")


class Attempt(Struct, frozen=True):
    """The layers that are meant to stop it, and what it may give then."""

    layers: tuple[str, ...]
    stopped: frozenset[str] = REFUSED


# By their names in canary.js. What ends the canary comes last: whatever comes after it needs another one.
ATTEMPTS: Final[Mapping[str, Attempt]] = {
    "read /etc/passwd": Attempt(_FILES),
    "read /proc/self/status": Attempt(_FILES),
    "read its own program": Attempt(("seccomp_run",)),
    "list /proc": Attempt(_FILES),
    "create a file": Attempt(_FILES),
    "connect by TCP": Attempt((*_NETWORK, "landlock")),
    "listen on TCP": Attempt((*_NETWORK, "landlock")),
    "bind to UDP": Attempt(_NETWORK),
    "connect to a unix socket": Attempt(_FILES),
    "connect to an abstract socket": Attempt((*_NETWORK, "landlock")),
    "list the network interfaces": Attempt(_NETWORK),
    "spawn a program": Attempt(("seccomp_run",)),
    "become another program": Attempt(("seccomp_run",), REFUSED | {"absent"}),  # process.execve came with Node 22.15
    "signal everybody": Attempt(_SIGNALS),
    "signal its group": Attempt(_SIGNALS),
    "set its priority": Attempt(("seccomp_run",)),
    "change its user": Attempt(("seccomp_run",), frozenset({KILLED})),  # EPERM is what the kernel says to anybody
}
_REMEDY: Final = (
    "Compare the system calls that the policy allows with the shipped ones (sandboxd policy explain); if they are the same,"
    " this kernel does not keep its word: run no untrusted code on it, and report it"
)


class Proof:
    """What is known of one opened source. A source without any layer is outside of the jail: no policy leads there."""

    def __init__(self, source: WorkerSource) -> None:
        self._source = source
        self._enforced = {layer.name for layer in source.layers if layer.state == "enforced"}
        self._seen = 0

    async def attest(self, worker: Worker) -> None:
        """Compares a worker, if it is one of the sample, with what the kernel says of it.

        Raises JailError, or WorkerStartError when it died meanwhile; it is ended then.
        """
        self._seen += 1
        if not self._enforced or self._seen % SAMPLE != 1:
            return
        try:
            problems = attest.discrepancies(worker.pid, self._enforced)
        except OSError as problem:  # a worker whose /proc entry cannot be read is none that can be lent
            problems = [str(problem)]
        alive = worker.alive  # else it was another process, or none, that was looked at
        if alive and not problems:
            return
        await worker.end()
        if not alive:
            self._seen -= 1  # the next one takes its place
            raise WorkerStartError("A worker ended while it was attested")
        raise JailError(f"A worker does not stand behind its walls: {'; '.join(problems)}", self._source.layers)

    async def canary(self) -> str:
        """Attempts what the jail forbids, in a worker of its own; what came of it, in words.

        Raises JailError when anything was not stopped, and WorkerStartError when it cannot be known.
        """
        if not self._enforced:
            return "not asked: there is no jail"
        gave: dict[str, str] = {}
        while left := tuple(name for name in ATTEMPTS if name not in gave):
            worker = await self._source.spawn()
            try:
                await self.attest(worker)
                outcome = await worker.run(Canary(left), LIMITS)
            finally:
                await worker.end()  # noqa: ASYNC102 it shields itself
            answers = [line.text for line in outcome.logs[: len(left)]]
            if len(answers) < len(left):
                answers.append(_last(worker, outcome, left[len(answers)]))
            gave |= zip(left, answers, strict=False)
        if breaches := [name for name, each in ATTEMPTS.items() if self._is_breach(each, gave[name])]:
            raise JailError(_words(breaches, gave), self._source.layers)
        return f"{len(gave)} attempts, all stopped"

    def _is_breach(self, attempt: Attempt, gave: str) -> bool:
        """What is meant to be stopped only by layers that are relaxed may succeed."""
        return gave not in attempt.stopped and not self._enforced.isdisjoint(attempt.layers)


def _last(worker: Worker, outcome: Outcome, name: str) -> str:
    """What an attempt gave that was not answered."""
    status = worker.exit.status if worker.exit is not None else None
    if status is not None and os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGSYS:
        return KILLED
    why = outcome.failure.message if outcome.failure is not None else "it ended before"
    raise WorkerStartError(f"The canary gave no answer to {name!r}: {why}")


def _words(breaches: list[str], gave: Mapping[str, str]) -> str:
    lines = (f"  {name}: {gave[name]}; meant to stop it: {', '.join(ATTEMPTS[name].layers)}" for name in breaches)
    return "The jail does not hold: the canary was not stopped at\n" + "\n".join(lines) + f"\n  {_REMEDY}."
