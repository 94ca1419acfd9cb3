"""Two outcomes of the same code, compared field by field."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from msgspec import Raw

from sandboxd.models import Outcome

FIELDS: Final = ("status", "value", "returned", "logs", "truncated", "failure")
MEASURED: Final = ("usage",)
"""What two executions of the same code need not share."""


def written(outcome: Outcome) -> dict[str, str]:
    """The fields that have to be the same, each as a text that tells it from every other."""
    return {name: _short(getattr(outcome, name)) for name in FIELDS}


def differences(one: Outcome, other: Outcome) -> list[str]:
    """What is not the same in two outcomes, a line for each field; empty for equals."""
    return differing(written(one), written(other))


def differing(one: dict[str, str], other: dict[str, str], fields: Sequence[str] = FIELDS) -> list[str]:
    """The same for outcomes that are written."""
    return [f"{name}: {one[name]} and {other[name]}" for name in fields if one[name] != other[name]]


def _short(value: object) -> str:
    text = repr(bytes(value) if isinstance(value, Raw) else value)
    return text if len(text) < 2000 else f"{text[:2000]}… {sha256(text.encode(errors='surrogatepass')).hexdigest()}"
