"""docs/reference/settings.md: every setting, with what stands below it in sandboxd/config.py."""

import json
from typing import Any
from unittest.mock import patch

from msgspec import Struct
from msgspec.structs import asdict, fields

from sandboxd import docstrings
from sandboxd.config import _ENVIRONMENT, Settings
from tools.reference.markdown import table

_HEAD = """# Settings

`sandboxd serve --config FILE` reads one TOML file. Over it stands the environment, over that the command line. An unknown key
is refused. `SANDBOXD_CONFIG` names the file.

"""


def page() -> str:
    """The page."""
    text = _HEAD + "## Outside of any table\n\n" + _table(Settings, "")
    for field in fields(Settings):
        if _is_table(field.type):
            text += f"\n## [{field.name}]\n\n{docstrings.of_struct(field.type)}\n\n" + _table(field.type, f"{field.name}.")
    return text


def _is_table(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)


def _defaults(kind: type[Struct], processors: int) -> dict[str, Any]:
    """The defaults on a machine with so many processors."""
    with patch("os.cpu_count", return_value=processors):
        return asdict(kind())


def _table(kind: type[Struct], dotted: str) -> str:
    told, variables = docstrings.of_fields(kind), {key: name for name, key in _ENVIRONMENT.items()}
    small, large, rows = _defaults(kind, 1), _defaults(kind, 64), []
    for field in fields(kind):
        if not _is_table(field.type):
            key = dotted + field.name
            also = f" Also `{variables[key]}`." if key in variables else ""
            rows.append((f"`{key}`", _default(small[field.name], large[field.name]), told[field.name] + also))
    return table("key", "default", "", rows=rows)


def _default(value: Any, elsewhere: Any) -> str:
    return f"`{json.dumps(value)}`" if value == elsewhere else "by the number of CPUs"
