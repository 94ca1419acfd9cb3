"""From what was seen of a worker to a status: the whole table."""

import signal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from sandboxd.models import Failure, Limits, Status
from sandboxd.pool.verdict import ALLOCATION_TEXTS, Sighting, judge, memory_failure
from sandboxd.protocol.messages import Done, WorkerFailure
from tests.support.messages import KINDS

LIMITS = Limits(
    wall_ms=5000, memory_bytes=128 << 20, output_bytes=1 << 20, result_bytes=1 << 20, source_bytes=10_240, depth=256
)
BUDGET = LIMITS.memory_bytes
NEAR = BUDGET * 2 // 3

SUCCEEDED = (Status.succeeded, None)
TIMED_OUT = (Status.timed_out, Failure("timeout", "TimeoutError", "Execution timeout (>5000ms)"))
MEMORY = (Status.memory_exceeded, Failure("memory", "MemoryError", "Memory limit exceeded (128 MB)"))


def crashed(why: str) -> tuple[Status, Failure]:
    return Status.crashed, Failure("crash", "WorkerCrashed", why)


def failed(kind: str, name: str = "Error", message: str = "m") -> Done:
    return Done(failure=WorkerFailure(kind, name, message))  # type: ignore[arg-type]


def same(status: Status, kind: str, name: str = "Error", message: str = "m") -> tuple[Status, Failure]:
    return status, Failure(kind, name, message)


VALUE = Done(value=Raw(b"1"))
ABORTED = int(signal.SIGABRT)
KILLED = int(signal.SIGKILL)
V8_WORDS = "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory"

TABLE: dict[str, tuple[Sighting, tuple[Status, Failure | None]]] = {
    # an answer
    "a value": (Sighting(done=VALUE, signal=KILLED), SUCCEEDED),
    "an empty answer": (Sighting(done=Done(), signal=KILLED), SUCCEEDED),
    "an answer, then time ran out": (Sighting(done=VALUE, timed_out=True), SUCCEEDED),
    "an answer, then memory ran out": (Sighting(done=VALUE, over_budget=True), SUCCEEDED),
    "an answer, then a violation": (Sighting(done=VALUE, violation="v"), SUCCEEDED),
    "an answer, then the source was lost": (Sighting(done=VALUE, lost=True), SUCCEEDED),
    "an answer, then an abort for memory": (Sighting(done=VALUE, signal=ABORTED, stderr=V8_WORDS), SUCCEEDED),
    "an answer, then an exit with a code": (Sighting(done=VALUE, exit_code=1), SUCCEEDED),
    # an answer that is a failure
    **{
        f"a failure of kind {kind}": (Sighting(done=failed(kind)), same(Status.failed, kind))
        for kind in KINDS
        if kind not in ("finding", "result_too_large")
    },
    "a finding": (Sighting(done=failed("finding")), same(Status.rejected, "finding")),
    "a result too large": (Sighting(done=failed("result_too_large")), same(Status.output_exceeded, "result_too_large")),
    "a failure, then time ran out": (Sighting(done=failed("error"), timed_out=True), same(Status.failed, "error")),
    "a failure, then memory ran out": (Sighting(done=failed("error"), over_budget=True), same(Status.failed, "error")),
    # an answer that tells of memory
    **{
        f"a RangeError: {text}": (Sighting(done=failed("uncaught", "RangeError", f"{text}: more")), MEMORY)
        for text in ALLOCATION_TEXTS
    },
    "a RangeError of a built-in that was refused memory": (
        Sighting(done=failed("error", "RangeError", "SharedArrayBuffer.prototype.grow: Out of memory")),
        MEMORY,
    ),
    "another RangeError": (
        Sighting(done=failed("error", "RangeError", "Maximum call stack size exceeded")),
        same(Status.failed, "error", "RangeError", "Maximum call stack size exceeded"),
    ),
    "an allocation text of another error": (
        Sighting(done=failed("error", "Error", ALLOCATION_TEXTS[0])),
        same(Status.failed, "error", "Error", ALLOCATION_TEXTS[0]),
    ),
    "an allocation text inside of a message": (
        Sighting(done=failed("error", "RangeError", f"no: {ALLOCATION_TEXTS[0]}")),
        same(Status.failed, "error", "RangeError", f"no: {ALLOCATION_TEXTS[0]}"),
    ),
    "a result too large is no matter of memory": (
        Sighting(done=failed("result_too_large", "RangeError", "The result is too large")),
        same(Status.output_exceeded, "result_too_large", "RangeError", "The result is too large"),
    ),
    # the daemon ended it
    "time ran out": (Sighting(timed_out=True, signal=KILLED), TIMED_OUT),
    "time ran out before memory did": (Sighting(timed_out=True, over_budget=True, signal=KILLED), TIMED_OUT),
    "time ran out near the budget": (Sighting(timed_out=True, signal=KILLED, peak_bytes=BUDGET), TIMED_OUT),
    "time ran out as the source was lost": (Sighting(timed_out=True, lost=True), TIMED_OUT),
    "killed by the memory watch": (Sighting(over_budget=True, signal=KILLED), MEMORY),
    "over the budget as the source was lost": (Sighting(over_budget=True, lost=True), MEMORY),
    "over the budget and a violation": (Sighting(over_budget=True, violation="v", signal=KILLED), MEMORY),
    # it died of memory
    **{
        f"{name} with V8's words": (Sighting(signal=int(signal.Signals[name]), stderr=V8_WORDS), MEMORY)
        for name in ("SIGABRT", "SIGSEGV", "SIGTRAP", "SIGILL", "SIGBUS")
    },
    **{
        f"an abort with the words {words}": (Sighting(signal=ABORTED, stderr=f"x\n{words}\ny"), MEMORY)
        for words in (
            "Fatal process out of memory: Zone",
            "Allocation failed",
            "memory allocation failed",
            "std::bad_alloc",
            "Cannot allocate memory",
            "# Check failed: SetPermissions(",
        )
    },
    "an abort just above two thirds of the budget": (Sighting(signal=ABORTED, peak_bytes=NEAR + 1), MEMORY),
    "an abort at two thirds of the budget": (
        Sighting(signal=ABORTED, peak_bytes=NEAR),
        crashed("The worker was killed by SIGABRT"),
    ),
    # it crashed
    **{
        f"{name} without a word": (
            Sighting(signal=int(signal.Signals[name]), stderr="boom"),
            crashed(f"The worker was killed by {name}"),
        )
        for name in ("SIGABRT", "SIGSEGV", "SIGTRAP", "SIGILL", "SIGBUS", "SIGKILL", "SIGTERM", "SIGHUP", "SIGRTMIN")
    },
    "a real-time signal without a name": (Sighting(signal=40), crashed("The worker was killed by signal 40")),
    "killed from outside with V8's words": (
        Sighting(signal=KILLED, stderr=V8_WORDS),
        crashed("The worker was killed by SIGKILL"),
    ),
    "killed from outside near the budget": (
        Sighting(signal=KILLED, peak_bytes=BUDGET),
        crashed("The worker was killed by SIGKILL"),
    ),
    "a forbidden system call": (
        Sighting(signal=int(signal.SIGSYS), stderr=V8_WORDS, peak_bytes=BUDGET),
        crashed("The worker made a forbidden system call"),
    ),
    "too much CPU time": (
        Sighting(signal=int(signal.SIGXCPU)),
        crashed("The worker used more CPU time than its limit"),
    ),
    "too much CPU time as PID 1": (
        Sighting(signal=KILLED, out_of_cpu=True),
        crashed("The worker used more CPU time than its limit"),
    ),
    "an abort of PID 1": (Sighting(exit_code=127), crashed("The worker was killed by SIGABRT")),
    "an abort of PID 1 out of memory": (Sighting(exit_code=127, stderr=V8_WORDS), MEMORY),
    "an exit without an answer": (
        Sighting(exit_code=0),
        crashed("The worker ended without an answer (exit code 0)"),
    ),
    "an exit with a code and V8's words": (
        Sighting(exit_code=134, stderr=V8_WORDS, peak_bytes=BUDGET),
        crashed("The worker ended without an answer (exit code 134)"),
    ),
    "a violation": (Sighting(violation="v", signal=KILLED), crashed("The worker broke the protocol: v")),
    "a violation as the source was lost": (Sighting(violation="v", lost=True), crashed("The worker broke the protocol: v")),
    "a violation, then a forbidden system call": (
        Sighting(violation="v", signal=int(signal.SIGSYS)),
        crashed("The worker broke the protocol: v"),
    ),
    "the source was lost": (Sighting(lost=True), crashed("The process that keeps the workers was lost")),
    "nothing is known": (Sighting(), crashed("The worker ended without an answer (exit code None)")),
}


@pytest.mark.parametrize(("seen", "verdict"), TABLE.values(), ids=TABLE.keys())
def test_the_verdict_on_what_was_seen(seen: Sighting, verdict: tuple[Status, Failure | None]) -> None:
    """One row of the table: what was seen, and the status and failure that follow."""
    assert judge(seen, LIMITS) == verdict


def test_a_failure_is_told_with_all_it_said() -> None:
    """Place and stack of the worker's failure are in the execution's."""
    done = Done(failure=WorkerFailure("error", "N", "m", 3, 4, "s"))
    assert judge(Sighting(done=done), LIMITS) == (Status.failed, Failure("error", "N", "m", 3, 4, "s"))


@pytest.mark.parametrize(("megabytes", "text"), [(16, "16 MB"), (128, "128 MB"), (4096, "4096 MB")])
def test_the_memory_limit_is_named_in_megabytes(megabytes: int, text: str) -> None:
    """The text says which limit it was."""
    limits = Limits(5000, megabytes << 20, 1, 1, 1, 1)
    assert memory_failure(limits).message == f"Memory limit exceeded ({text})"


dones = st.none() | st.builds(
    Done,
    failure=st.none()
    | st.builds(
        WorkerFailure, kind=st.sampled_from(["error", "finding", "result_too_large"]), name=st.text(), message=st.text()
    ),
)
sightings: Any = st.builds(
    Sighting,
    done=dones,
    violation=st.none() | st.text(),
    timed_out=st.booleans(),
    over_budget=st.booleans(),
    out_of_cpu=st.booleans(),
    lost=st.booleans(),
    signal=st.none() | st.integers(1, 64),
    exit_code=st.none() | st.integers(0, 255),
    stderr=st.text() | st.just(V8_WORDS),
    peak_bytes=st.integers(0, 2 * BUDGET),
)


@settings(max_examples=1000)
@given(sightings)
def test_every_sighting_has_a_verdict(seen: Sighting) -> None:
    """Whatever was seen, every signal there is included, the status is terminal and only a success has no failure."""
    status, failure = judge(seen, LIMITS)
    assert status not in {Status.queued, Status.running, Status.cancelled}
    assert (failure is None) == (status is Status.succeeded)
