"""The pages of docs/ that are made from the code and the policy files: `python -m tools.reference` writes them."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from tools.reference import commands, http, limits_and_errors, policy, settings

DOCS: Final = Path(__file__).parents[2] / "docs"
PAGES: Final[dict[str, Callable[[], str]]] = {
    "limits-and-errors.md": limits_and_errors.page,
    "reference/commands.md": commands.page,
    "reference/http.md": http.page,
    "reference/policy.md": policy.page,
    "reference/settings.md": settings.page,
}
_NOTICE: Final = "Made by `make docs`; a test fails when it is not what that makes."


def texts() -> dict[str, str]:
    """Every page by its path below docs/, as it must stand there."""
    found = {}
    for path, page in PAGES.items():
        title, _, rest = page().partition("\n")
        found[path] = f"{title}\n\n{_NOTICE}\n{rest.rstrip()}\n"
    return found
