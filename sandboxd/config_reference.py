"""Every setting with its documentation, which stands below it in config.py: what is shown, printed and tested reads it here."""

import inspect
import json
from collections.abc import Iterator
from textwrap import fill
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import fields

from sandboxd.config import Loaded, Settings
from sandboxd.docstrings import of_fields, of_struct

LINE: Final = 128
_HEAD: Final = """
The settings of sandboxd, each at its default and turned off by a #. `sandboxd serve --config FILE` reads this file. An unknown
key is refused; variables and options stand over it; `sandboxd config show` says what holds, and where it comes from.
"""


class Setting(Struct, frozen=True):
    """One setting: its key like "pool.ahead", its value, and where that comes from, as `config.Loaded` has it, or "default"."""

    key: str
    value: Any
    origin: str


class Table(Struct, frozen=True):
    """One table of the file; that of the settings outside of any has no name. `settings` are the texts by the last of a key."""

    name: str
    text: str
    settings: dict[str, str]


def effective(loaded: Loaded) -> list[Setting]:
    """All settings, in the order in which they are defined."""
    return [Setting(key, value, loaded.origins.get(key, "default")) for key, value in _flat(loaded.settings)]


def toml(value: Any) -> str:
    """A value as it stands in the file: what a setting may be is written as in JSON, but for one character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def tables() -> list[Table]:
    """All tables with their documentation, in the order in which they are defined."""
    inner = [field for field in fields(Settings) if _is_table(field.type)]
    plain = Table("", of_struct(Settings), _of(Settings))
    return [plain, *(Table(each.name, of_struct(each.type), _of(each.type)) for each in inner)]


def example() -> str:
    """A file with every setting at its default: `#key = value` turns one off, `# ` begins a text."""
    defaults = dict(_flat(Settings()))
    parts = [_comment(inspect.cleandoc(_HEAD))]
    for table in tables():
        dotted = f"{table.name}." if table.name else ""
        if table.name:
            parts.append(f"{_comment(table.text)}\n[{table.name}]")
        parts += [f"{_comment(text)}\n#{key} = {toml(defaults[dotted + key])}" for key, text in table.settings.items()]
    return "\n\n".join(parts)


def _comment(text: str) -> str:
    return fill(" ".join(text.split()), LINE, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)


def _is_table(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)


def _flat(part: Struct, before: str = "") -> Iterator[tuple[str, Any]]:
    """Keys and values; what is outside of tables comes first, as in a file."""
    inner = [field.name for field in fields(part) if _is_table(field.type)]
    yield from ((before + field.name, getattr(part, field.name)) for field in fields(part) if field.name not in inner)
    for name in inner:
        yield from _flat(getattr(part, name), f"{before}{name}.")


def _of(kind: type[Struct]) -> dict[str, str]:
    """A class's settings and their texts; one without is a mistake of ours, which ends here."""
    texts = of_fields(kind)
    return {field.name: texts[field.name] for field in fields(kind) if not _is_table(field.type)}
