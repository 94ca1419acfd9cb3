"""The stress test in small, and that it would notice what it looks for."""

import os
from pathlib import Path

import pytest

from sandboxd.models import Failure, Outcome, Source, Status, Usage
from tests.equivalence.corpus import Workload, corpus, expected
from tests.equivalence.kinds import KINDS
from tests.equivalence.stress import ending, storm

each_kind = pytest.mark.parametrize("kind", KINDS)


@each_kind
async def test_heavy_executions_are_right_and_leave_nothing(kind: str) -> None:
    """Once through the corpus, eight at a time in a shuffled order: all right, no process and no descriptor left."""
    report = await storm(kind, len(corpus()))
    assert report.amiss == []
    assert [tally.ends for tally in report.tallies.values()] == [{"right": 1}] * len(corpus())


@each_kind
async def test_a_wrong_answer_is_noticed(kind: str, tmp_path: Path) -> None:
    """A workload that computes something else in a worker than in a plain Node is wrong, and told."""
    path = tmp_path / "different.js"
    path.write_text("return typeof process")
    report = await storm(kind, 3, (Workload("different", path, Source(path.read_text())),))
    assert report.tallies["different"].ends == {"wrong": 3}
    assert len(report.amiss) == 3


async def test_a_descriptor_left_open_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One descriptor that an execution would leave open is told."""
    left: list[int] = []

    def leak(outcome: Outcome, wanted: str) -> str:
        left.append(os.open(tmp_path, os.O_RDONLY))
        return ending(outcome, wanted)

    monkeypatch.setattr("tests.equivalence.stress.ending", leak)
    monkeypatch.setattr("tests.equivalence.stress.REST_S", 2)
    try:
        report = await storm([*KINDS][-1], 1, corpus()[:1])
    finally:
        for descriptor in left:
            os.close(descriptor)
    assert len(report.amiss) == 1
    assert "descriptors of the daemon" in report.amiss[0]


@pytest.mark.parametrize(
    ("status", "word"),
    [(Status.timed_out, "hung"), (Status.crashed, "crashed"), (Status.failed, "wrong"), (Status.memory_exceeded, "wrong")],
)
def test_endings_have_their_words(status: Status, word: str) -> None:
    """What hung, crashed or gave no answer is told apart."""
    assert ending(Outcome(status, Usage(1.0, 1, 1.0), failure=Failure("error", "Error", "m")), "x") == word


def test_an_oracle_that_fails_is_no_oracle(tmp_path: Path) -> None:
    """A workload that a plain Node cannot run, or that gives no checksum, is an error and never counts as equal."""
    for text in ("null.x", "return 5", "return ''", "await new Promise(() => { process.exit(3) })"):
        path = tmp_path / "broken.js"
        path.write_text(text)
        with pytest.raises(AssertionError, match="broken"):
            expected(Workload("broken", path, Source(text)))
