"""A configuration of an action as it is sent: with its texts in it, or with paths of files. An unknown key is refused.

What a finding exists for is taken as it comes (`Any`), so that one wrong number does not hide the next mistake.
"""

from typing import Any, Final

from msgspec import UNSET, Struct, UnsetType

VERSION: Final = 1
LANGUAGES: Final = frozenset({"js", "javascript"})


class Runtime(Struct, frozen=True, forbid_unknown_fields=True):
    """The interpreters that the caller believes in; the daemon has its own."""

    node: str = ""
    """Must not be empty; the daemon runs its own."""
    python: str = ""
    """The same for an action in Python, which does not run here."""


class Snapshots(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether outputs are compared with those that were stored first."""

    enabled: bool = False
    """Whether they are."""


class Budgets(Struct, frozen=True, forbid_unknown_fields=True):
    """What one execution should use at most. More is a failure of it, not its end."""

    duration_ms: Any = UNSET
    """Milliseconds of wall clock."""
    memory_mb: Any = UNSET
    """Megabytes of memory."""


class Assertion(Struct, frozen=True, forbid_unknown_fields=True):
    """What must hold of the value at a path. What is absent is not asked."""

    eq: Any = UNSET
    """It equals this JSON."""
    gt: int | float | UnsetType = UNSET
    """It is a number above this."""
    lt: int | float | UnsetType = UNSET
    """It is a number below this."""
    exists: bool | UnsetType = UNSET
    """There is something at the path, or nothing."""
    regex: str | UnsetType = UNSET
    """It is a text that this matches (RE2)."""


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What both kinds have."""

    version: Any = UNSET
    """1."""
    env: dict[str, str] = {}
    """What the program sees as `process.env`."""
    runtime: Runtime | None = None
    """Interpreters; null is the daemon's own."""
    snapshots: Snapshots = Snapshots()
    """Comparing with earlier outputs."""
    budgets: Budgets = Budgets()
    """What each execution should use at most."""
    assertions: dict[str, Assertion] = {}
    """What must hold of each execution, by path: `output_fields.name`."""
    repeat: Any = 1
    """How many times each fixture is run."""


class InlineAction(Struct, frozen=True, forbid_unknown_fields=True):
    """The program with its text; `entry` is only its name."""

    language: str = ""
    """js or javascript."""
    entry: str = ""
    """The name of the program's file, in stack traces."""
    source: str = ""
    """Its text."""


class InlineFixture(Struct, frozen=True, forbid_unknown_fields=True):
    """An event as JSON text, and its name."""

    name: str = ""
    """By which events tell of it."""
    source: str = ""
    """The event, as JSON text."""


class InlineConfig(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `/execute` takes."""

    action: InlineAction = InlineAction()
    """The program."""
    fixtures: list[InlineFixture] = []
    """The events it is run with."""


class FileAction(Struct, frozen=True, forbid_unknown_fields=True):
    """The program by its path."""

    type: str = ""
    """js or javascript."""
    entry: str = ""
    """The path of the program's file, below the actions root."""


class FileConfig(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `/validate` takes: paths below the actions root."""

    action: FileAction = FileAction()
    """The program."""
    fixtures: list[str] = []
    """Paths of JSON files with the events, below the actions root."""
