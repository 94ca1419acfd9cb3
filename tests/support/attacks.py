"""Attack files: what they expect, and how an outcome reads in their words."""

import os
import re
from pathlib import Path
from typing import NamedTuple

from sandboxd.models import Outcome, Status

ROOT = Path(__file__).resolve().parents[2]
OWN = ROOT / "tests/escape/attacks"
ESCAPED = ROOT / "tests/escape/escaped"
WORDS = {"success", "error", "timeout", "memory_limit", "validation_error", "output_limit", "crashed"}
_WORD = {
    Status.succeeded: "success",
    Status.failed: "error",
    Status.timed_out: "timeout",
    Status.memory_exceeded: "memory_limit",
    Status.output_exceeded: "output_limit",
    Status.rejected: "validation_error",
}
_MAKES_CODE = re.compile(r"\beval\b|Function|constructor|\bimport\b")
_HEAD = re.compile(r"// expect: ([a-z_,]+)\n(?:// says: (.+)\n)?(// bare: escapes\n)?")


class Attack(NamedTuple):
    """One file: the statuses that it may end in, the preferred one first, and its code.

    `says` is in the words of every end that it may have; `bare` attacks get out where there is no jail.
    """

    name: str
    allowed: tuple[str, ...]
    code: str
    says: str = ""
    bare: bool = False

    @property
    def makes_code(self) -> bool:
        """Whether it may turn a string into code; to all others it is the same whether that is allowed."""
        return _MAKES_CODE.search(self.code) is not None


def shared_folder() -> Path:
    """Where the larger set lies: SANDBOXD_ATTACKS, else beside the checkout."""
    return Path(os.environ.get("SANDBOXD_ATTACKS") or ROOT.parent / "shared/attacks")


def read_attacks(folder: Path) -> list[Attack]:
    """All attack files of a folder, by name."""
    return [_read(path) for path in sorted(folder.glob("*.js"))]


def _read(path: Path) -> Attack:
    text = path.read_text()
    match = _HEAD.match(text)
    assert match, f"{path} does not begin with what it expects"
    allowed = tuple(match[1].split(","))
    assert set(allowed) <= WORDS, f"{path} expects {allowed}"
    return Attack(path.stem, allowed, text[match.end() :], match[2] or "", match[3] is not None)


def words_of(outcome: Outcome, *, codegen: bool) -> set[str]:
    """What an outcome may be called; `contained` is code from strings that was refused, where it is."""
    words = {_WORD.get(outcome.status, str(outcome.status))}
    if outcome.truncated:
        words.add("output_limit")
    if not codegen and outcome.failure is not None and outcome.failure.name == "EvalError":
        words.add("contained")
    return words


def traces(outcome: Outcome) -> str:
    """Everything that an outcome says, in one text."""
    said = [line.text for line in outcome.logs]
    said += [str(bytes(value), errors="replace") for value in (outcome.value, outcome.returned) if value is not None]
    if outcome.failure is not None:
        said += [outcome.failure.name, outcome.failure.message, outcome.failure.stack]
    return "\n".join(said)
