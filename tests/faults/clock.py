"""Clocks that jump. The daemon is the real one; only what it takes for the time of day is moved, by a file that it reads."""

import os
import sys
import time
from pathlib import Path

from tests.faults.scene import Scene

HOUR_S = 3600
JUMPS = (HOUR_S, -HOUR_S, -26 * HOUR_S, 26 * HOUR_S, 0)


def jumps(scene: Scene) -> None:
    """An hour forward, an hour and a day backward, and back again; then a start in the past."""
    offset = scene.folder / "offset"
    offset.write_text("0")
    program = [sys.executable, "-m", "tests.faults.clock"]
    with scene.serving(program=program, SANDBOXD_TEST_OFFSET=str(offset)):
        with scene.callers():
            waits = [scene.caller("waits").submit("await new Promise(r => setTimeout(r, 1500)); 1") for _ in range(2)]
            for jump in JUMPS:
                with scene.fault(asked=scene.saw.total() + 4):
                    _move(offset, jump)
            ends = [scene.caller("waits").ended(each)["status"] for each in waits]
            scene.expect(ends == ["completed"] * 2, f"what ran ended as {ends}")
    _move(offset, -HOUR_S)
    with scene.serving(program=program, SANDBOXD_TEST_OFFSET=str(offset)):
        scene.heal()
        scene.reckon("daemon stopped")


def _move(offset: Path, seconds: int) -> None:
    new = offset.with_suffix(".new")
    new.write_text(str(seconds))
    new.rename(offset)  # a reader finds one or the other


def main() -> None:
    """The program with a clock that is moved."""
    real, offset = time.time, Path(os.environ["SANDBOXD_TEST_OFFSET"])
    time.time = lambda: real() + float(offset.read_text())  # before anything has kept the other one
    from sandboxd.cli import main as program

    program()


if __name__ == "__main__":
    main()
