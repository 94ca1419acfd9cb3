"""The faults in their short version (`make faults` is the long one), and a short soak."""

from pathlib import Path

import pytest

from tests.faults.catalogue import FAULTS, suffer
from tests.faults.report import table
from tests.faults.scene import Found
from tests.faults.soak import soak

WAIT = {"read-only disk", "stuck disk", "stopped fork server"}
"""What waits for time-outs; `make faults` has them, and the last one is in test_forkserver_lifetime.py too."""
ELSEWHERE = {"killed fork server", "killed launcher", "killed daemon", "file-size limit"}
"""What test_forkserver_lifetime.py, test_launcher_lifetime.py, test_kills.py and the full disk ask as well."""


@pytest.mark.parametrize("name", [name for name in FAULTS if name not in WAIT | ELSEWHERE])
def test_a_promise_is_kept(name: str) -> None:
    """See its promise: nothing acknowledged is lost, the daemon is healthy again, and no process is left."""
    found = suffer(name, long=False)
    if found.skipped:
        pytest.skip(found.skipped)
    assert (found.problems, found.lost) == ([], 0), table([found])
    assert found.acknowledged > 0
    assert found.healthy_s is not None


def test_a_promise_that_is_broken_is_told() -> None:
    """A table with a problem in it says so."""
    bad = Found("a fault", "A promise.", {"500": 2}, 3, 1, {"completed": 2}, None, 1.0, ["lost: ['1']"])
    assert table([bad]).splitlines()[2] == "| a fault | 2 × 500 | 3, 1 | 2 × completed | — |"
    assert table([bad]).endswith("NOT KEPT a fault: lost: ['1']")


def test_a_short_soak_leaves_nothing(tmp_path: Path) -> None:
    """Three doors and attacks: no wrong answer, no process more than before, none after the stop."""
    soaked = soak(tmp_path, 5, 4, seed=3, calm_s=2)
    assert soaked.answers.total() > 10
    assert soaked.wrong == {}
    assert soaked.calm[1].processes <= soaked.calm[0].processes + 4  # it may still remember the load
    assert soaked.left == []
