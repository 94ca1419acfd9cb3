"""The kinds of worker that must be alike."""

from typing import Any, Final

KINDS: Final[dict[str, dict[str, Any]]] = {"fork": {"workers": "fork"}, "exec": {"workers": "exec"}}
"""The pool's settings by kind. The last is the reference."""

SIDES: Final = ((next(iter(KINDS)), 0), ([*KINDS][-1], 1))
"""What is held against what: two sets of outcomes, each a kind and a number that keeps them apart."""
