"""The kinds of worker that must be alike."""

from typing import Any, Final

KINDS: Final[dict[str, dict[str, Any]]] = {"exec": {}}
"""The pool's settings by kind. The last is the reference; one alone is held against itself."""

SIDES: Final = ((next(iter(KINDS)), 0), ([*KINDS][-1], 1))
"""What is held against what: two sets of outcomes, each a kind and a number that keeps them apart."""
