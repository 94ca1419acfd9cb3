"""A few kills of the campaign, which is `python -m tests.campaigns.kills`."""

from pathlib import Path

from tests.campaigns.kills import campaign


def test_kills_lose_nothing_and_repeat_nothing(tmp_path: Path) -> None:
    """Every accepted execution has run once, or ended with the reason; what was printed before is there."""
    found = campaign(tmp_path, kills=8, seed=6)
    assert (found.lost, found.doubled, found.problems) == ([], [], [])
    assert found.ends["completed"] > 0
