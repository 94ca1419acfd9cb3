"""A copy of the product and its tests in which one file may be changed; and the first test there that fails."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PARTS: Final = ("sandboxd", "js_harness", "policies", "tests", "pyproject.toml", "README.md")
MOST_S: Final = 600  # a mutant may hang; what hangs is noticed

# Nobody reads why an assertion failed: not to rewrite them, the libraries' included, is half of the time of a start.
_OPTIONS: Final = ("-x", "-q", "-rfE", "--tb=no", "--assert=plain")

_FAILED: Final = re.compile(r"^(?:FAILED|ERROR) (tests/.*?)(?: - .*)?$", re.MULTILINE)
_NOT_ASKED: Final = (4, 5)  # it does not understand its command line; it finds no test


class NothingToMeasureBy(Exception):
    """A probe that fails whatever is changed."""


def copy_tree(source: Path, to: Path) -> Path:
    """Copies what the tests need to a folder that every user can read."""
    to.mkdir()
    for part in PARTS:
        if (source / part).is_dir():
            shutil.copytree(source / part, to / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source / part, to / part)
    to.chmod(0o755)
    return to


@contextmanager
def changed(tree: Path, file: str, text: str) -> Iterator[None]:
    """The tree with another text in one file, for as long as the block lasts."""
    path = tree / file
    before = path.read_text()
    path.write_text(text)
    try:
        yield
    finally:
        path.write_text(before)


# A mutant of the launcher may mount over, sign away or kill what is the machine's: it gets mounts and processes of its own.
# These mounts are shared, as systemd's are, but with nobody. The shell also reaps what loses its parent. An ordinary user's
# mutants can do no such harm.
_SHELL: Final = ("sh", "-c", 'mount --make-rshared / && "$@"; exit $?', "sh")
_OWN_MACHINE: Final = ("unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", *_SHELL)


def first_failure(tree: Path, tests: Sequence[str]) -> str:
    """The name of the first test that fails in the tree, or what else went wrong; empty when all of them pass."""
    alone = _OWN_MACHINE if os.geteuid() == 0 else ()
    command = [*alone, sys.executable, "-m", "pytest", *_OPTIONS, *tests]
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(
        command, cwd=tree, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as process:
        try:
            said, _ = process.communicate(timeout=MOST_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return f"{tests[0]} and the following hang"
    if process.returncode == 0:
        return ""
    if process.returncode in _NOT_ASKED:
        raise RuntimeError(f"pytest could not be asked, it ends with {process.returncode}:\n{said}")
    failed = _FAILED.search(said)
    return failed[1] if failed else "pytest itself"  # a mutant may take its files away


def first_to_notice(tree: Path, file: str, text: str, tests: Sequence[str]) -> str:
    """The first of the tests that fails with another text in one file, and passes without; empty when all of them pass."""
    with changed(tree, file, text):
        failed = first_failure(tree, tests)
    if failed:
        test = failed.partition("[")[0]
        _expect_none(tree, (test,) if test.startswith("tests/") and " " not in test else tuple(tests))
    return failed


@cache
def _expect_none(tree: Path, tests: tuple[str, ...]) -> None:
    if failed := first_failure(tree, tests):
        raise NothingToMeasureBy(f"Nothing is changed and yet {failed} fails: there is nothing to measure by")
