"""Status and failure in the words of the executions door."""

import pytest

from sandboxd.api.executions import WORDS, error_text
from sandboxd.models import Failure, Status

FAILURES = [
    (Status.succeeded, None, None),
    (Status.running, None, None),
    (Status.failed, Failure("error", "TypeError", "mine"), "TypeError: mine"),
    (Status.failed, Failure("uncaught", "Error", ""), "Error"),
    (Status.failed, Failure("syntax", "SyntaxError", "Unexpected token"), "TypeScript parse error: Unexpected token"),
    (Status.failed, Failure("stalled", "Stalled", "never settles"), "never settles"),
    (Status.rejected, Failure("unsupported", "TypeScript", "enum is not supported"), "enum is not supported"),
    (Status.crashed, Failure("crash", "Crash", "signal 11"), "Execution crashed: signal 11"),
    (Status.crashed, Failure("restart", "Restarted", "daemon restarted"), "daemon restarted"),
    (Status.timed_out, Failure("timeout", "Timeout", "in other words"), "Execution timed out"),
    (Status.cancelled, Failure("cancelled", "Cancelled", "in other words"), "Cancelled by user"),
    (
        Status.memory_exceeded,
        Failure("memory", "Memory", "in other words"),
        "Out of memory: V8 heap limit exceeded. Try increasing heap_memory_max_mb.",
    ),
]


@pytest.mark.parametrize(("status", "failure", "text"), FAILURES)
def test_each_end_has_its_words(status: Status, failure: Failure | None, text: str | None) -> None:
    """Those of the contract where it has any, else the program's own."""
    assert error_text(status, failure) == text


def test_every_status_has_a_word() -> None:
    """One of the five that the contract knows."""
    assert set(WORDS) == set(Status)
    assert set(WORDS.values()) == {"running", "completed", "failed", "cancelled", "timed_out"}


def test_a_long_text_is_cut_between_characters() -> None:
    """At 4 KB."""
    text = error_text(Status.failed, Failure("error", "Error", "é" * 5000))
    assert text is not None
    assert (len(text.encode()), text.startswith("Error: é")) == (4095, True)
