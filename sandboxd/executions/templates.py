"""The templates of the code-node door: one file of JavaScript each, shipped in the package."""

import re
from functools import cache
from importlib.resources import files
from typing import Final

from msgspec import Struct

from sandboxd.errors import SettingsError

_HEADER: Final = ("name", "description", "category", "difficulty")
_DIFFICULTIES: Final = ("beginner", "intermediate", "advanced")
_FILE: Final = re.compile(r"\d\d_(?P<id>[a-z0-9_]+)\.js")
_LINE: Final = re.compile(r"// (?P<key>[a-z]+): (?P<value>\S.*)")


class Template(Struct, frozen=True):
    """An example to start from. ``difficulty`` is one of beginner, intermediate, advanced."""

    id: str
    """By which it is asked for."""
    name: str
    """For people."""
    description: str
    """What it shows."""
    category: str
    """What it belongs to."""
    difficulty: str
    """beginner, intermediate or advanced."""
    code: str
    """The code."""


@cache
def load_templates() -> tuple[Template, ...]:
    """All templates, in the order of the numbers in their file names. Raises SettingsError naming the file."""
    folder = files("sandboxd").joinpath("templates")
    names = sorted(file.name for file in folder.iterdir() if file.name.endswith(".js"))
    return tuple(parse_template(name, folder.joinpath(name).read_bytes()) for name in names)


def parse_template(file: str, content: bytes) -> Template:
    """The template in a file called ``NN_id.js``: the header's four comment lines, an empty line, the code."""
    match = _FILE.fullmatch(file)
    if match is None:
        raise SettingsError(f"templates/{file}: the file name must be NN_id.js")
    try:
        header, _, code = content.decode().partition("\n\n")
    except UnicodeDecodeError as problem:
        raise SettingsError(f"templates/{file}: {problem}") from None
    lines = [_LINE.fullmatch(line) for line in header.split("\n")]
    fields = {line["key"]: line["value"] for line in lines if line is not None}
    if None in lines or tuple(fields) != _HEADER or len(lines) != len(_HEADER):
        wanted = ", ".join(f"// {key}: …" for key in _HEADER)
        raise SettingsError(f"templates/{file}: the header must be the lines {wanted} and an empty line")
    if fields["difficulty"] not in _DIFFICULTIES:
        raise SettingsError(f"templates/{file}: difficulty must be one of {', '.join(_DIFFICULTIES)}")
    if not code.strip():
        raise SettingsError(f"templates/{file}: there is no code")
    return Template(id=match["id"], code=code.strip("\n"), **fields)
