"""The document that the executions door was made after, where there is one on this machine."""

import json
import os
from pathlib import Path
from typing import Any, Final

VARIABLE: Final = "SANDBOXD_EXECUTIONS_SEED"
_BESIDE: Final = "shared/seeds/002_099efe9c5ccb24d5.openapi.json"
LEFT_OUT: Final = ("/api/cli", "/api/fs")
"""What comes later."""


def seed() -> dict[str, Any] | None:
    """The document, with the paths in scope; None where it is neither named by the variable nor beside a folder above us."""
    places = [Path(os.environ[VARIABLE])] if VARIABLE in os.environ else [up / _BESIDE for up in Path(__file__).parents]
    place = next((place for place in places if place.exists()), None)
    assert place is not None or VARIABLE not in os.environ, os.environ[VARIABLE]
    return None if place is None else in_scope(json.loads(place.read_text()))


def in_scope(document: dict[str, Any]) -> dict[str, Any]:
    """Without what comes later."""
    kept = {path: operations for path, operations in document["paths"].items() if not path.startswith(LEFT_OUT)}
    return document | {"paths": kept}
