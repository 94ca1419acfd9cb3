"""From what was seen of a worker to a status. Pure; the order of the questions is the rule."""

import signal
from typing import Final

from msgspec import Struct

from sandboxd.models import Failure, Limits, Status
from sandboxd.protocol.messages import Done

ALLOCATION_TEXTS: Final = (
    "Array buffer allocation failed",
    "WebAssembly.Memory(): could not allocate memory",
    "WebAssembly.Memory.grow(): Unable to grow instance memory",
    "Out of memory",
)
_OUT_OF_MEMORY_TEXT: Final = (
    ": Out of memory"  # behind the name of the built-in that was refused: SharedArrayBuffer.prototype.grow
)
_OUT_OF_MEMORY: Final = (
    "out of memory",
    "Allocation failed",
    "allocation failed",
    "bad_alloc",
    "Cannot allocate memory",
    "SetPermissions(",  # V8 checks that its mprotect succeeds: room for compiled WebAssembly was refused
)
_CRASHES: Final = {signal.SIGABRT, signal.SIGSEGV, signal.SIGTRAP, signal.SIGILL, signal.SIGBUS}
_NEAR_BUDGET: Final = 2 / 3  # a buffer that doubles fails with a third still free: seen at 0.71, and not always with words
# PID 1 of a namespace is spared the signals that it sends itself: after three vain ones glibc's abort() exits with this.
_ABORTED: Final = 127
_FORBIDDEN: Final = "The worker made a forbidden system call"
_BROKEN: Final = "The worker broke the protocol"


class Sighting(Struct, frozen=True):
    """All that the daemon knows of a worker that has ended. `signal` is what it died of, None when it exited."""

    done: Done | None = None
    violation: str | None = None
    timed_out: bool = False
    over_budget: bool = False
    out_of_cpu: bool = False
    lost: bool = False
    signal: int | None = None
    exit_code: int | None = None
    stderr: str = ""
    peak_bytes: int = 0


def memory_failure(limits: Limits) -> Failure:
    """Met by the budget, whoever noticed it."""
    return Failure("memory", "MemoryError", f"Memory limit exceeded ({limits.memory_bytes >> 20} MB)")


def judge(seen: Sighting, limits: Limits) -> tuple[Status, Failure | None]:
    """The status of an execution and its failure, if it is one."""
    if seen.done is not None:
        return _judge_done(seen.done, limits)
    if seen.timed_out:
        return Status.timed_out, Failure("timeout", "TimeoutError", f"Execution timeout (>{limits.wall_ms}ms)")
    if seen.over_budget or _died_of_memory(seen, limits):
        return Status.memory_exceeded, memory_failure(limits)
    return Status.crashed, Failure("crash", "WorkerCrashed", _why_crashed(seen))


def _judge_done(done: Done, limits: Limits) -> tuple[Status, Failure | None]:
    failure = done.failure
    if failure is None:
        return Status.succeeded, None
    refused = failure.message.startswith(ALLOCATION_TEXTS) or _OUT_OF_MEMORY_TEXT in failure.message
    if failure.name == "RangeError" and refused:
        return Status.memory_exceeded, memory_failure(limits)
    told = Failure(failure.kind, failure.name, failure.message, failure.line, failure.column, failure.stack)
    by_kind = {"finding": Status.rejected, "result_too_large": Status.output_exceeded}
    return by_kind.get(failure.kind, Status.failed), told


def _died_of_memory(seen: Sighting, limits: Limits) -> bool:
    if seen.signal not in _CRASHES and seen.exit_code != _ABORTED:
        return False
    told = any(text in seen.stderr for text in _OUT_OF_MEMORY)
    return told or seen.peak_bytes > _NEAR_BUDGET * limits.memory_bytes


def violation(failure: Failure | None) -> str | None:
    """Which wall a worker ran into that no honest one comes near, None for any other end; without a word of the worker's."""
    if failure is None or failure.kind != "crash":
        return None
    return next((wall for wall in (_FORBIDDEN, _BROKEN) if failure.message.startswith(wall)), None)


def _why_crashed(seen: Sighting) -> str:
    if seen.violation is not None:
        return f"{_BROKEN}: {seen.violation}"
    if seen.lost:
        return "The process that keeps the workers was lost"
    if seen.signal == signal.SIGSYS:
        return _FORBIDDEN
    if seen.signal == signal.SIGXCPU or (seen.signal == signal.SIGKILL and seen.out_of_cpu):
        return "The worker used more CPU time than its limit"
    if seen.exit_code == _ABORTED:
        return "The worker was killed by SIGABRT"
    if seen.signal is not None:
        return f"The worker was killed by {_signal_name(seen.signal)}"
    return f"The worker ended without an answer (exit code {seen.exit_code})"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal: only the first and the last have names
        return f"signal {number}"
