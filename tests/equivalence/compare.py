"""Two outcomes of the same code, compared field by field."""

from typing import Final

from msgspec import Raw

from sandboxd.models import Outcome

FIELDS: Final = ("status", "value", "returned", "logs", "truncated", "failure")
MEASURED: Final = ("usage",)
"""What two executions of the same code need not share."""


def differences(one: Outcome, other: Outcome, fields: tuple[str, ...] = FIELDS) -> list[str]:
    """What is not the same in two outcomes, a line for each field; empty for equals."""
    pairs = [(name, getattr(one, name), getattr(other, name)) for name in fields]
    return [f"{name}: {_short(a)} and {_short(b)}" for name, a, b in pairs if a != b]


def _short(value: object) -> str:
    text = repr(bytes(value) if isinstance(value, Raw) else value)
    return text if len(text) < 2000 else f"{text[:2000]}…"
