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
    python: str = ""


class Snapshots(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether outputs are compared with those that were stored first."""

    enabled: bool = False


class Budgets(Struct, frozen=True, forbid_unknown_fields=True):
    """What one execution should use at most. More is a failure of it, not its end."""

    duration_ms: Any = UNSET
    memory_mb: Any = UNSET


class Assertion(Struct, frozen=True, forbid_unknown_fields=True):
    """What must hold of the value at a path. What is absent is not asked."""

    eq: Any = UNSET
    gt: int | float | UnsetType = UNSET
    lt: int | float | UnsetType = UNSET
    exists: bool | UnsetType = UNSET
    regex: str | UnsetType = UNSET


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What both kinds have."""

    version: Any = UNSET
    env: dict[str, str] = {}
    runtime: Runtime | None = None
    snapshots: Snapshots = Snapshots()
    budgets: Budgets = Budgets()
    assertions: dict[str, Assertion] = {}
    repeat: Any = 1


class InlineAction(Struct, frozen=True, forbid_unknown_fields=True):
    """The program with its text; `entry` is only its name."""

    language: str = ""
    entry: str = ""
    source: str = ""


class InlineFixture(Struct, frozen=True, forbid_unknown_fields=True):
    """An event as JSON text, and its name."""

    name: str = ""
    source: str = ""


class InlineConfig(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `/execute` takes."""

    action: InlineAction = InlineAction()
    fixtures: list[InlineFixture] = []


class FileAction(Struct, frozen=True, forbid_unknown_fields=True):
    """The program by its path."""

    type: str = ""
    entry: str = ""


class FileConfig(Config, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `/validate` takes: paths below the actions root."""

    action: FileAction = FileAction()
    fixtures: list[str] = []
