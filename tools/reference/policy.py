"""docs/reference/policy.md: every key of the policy files, with what stands below it in its struct."""

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from msgspec import NODEFAULT, Struct
from msgspec.structs import FieldInfo, fields

from sandboxd import docstrings
from sandboxd.policy.model import Profile, Tier
from tools.reference.markdown import table

_HEAD = """# Policy files

`policies` in the [settings](settings.md) names a folder with `tiers.toml` and `profiles/NAME.toml`; without it the shipped ones
hold. Copy all of them and change the copy: [add a profile](../add-a-profile.md). A folder may have `seccomp/*.toml` too, the
system calls of workers; without it the shipped ones hold.

What is not granted is absent. An unknown key refuses to load, and `sandboxd policy check` tells all problems at once, with
their lines. Every grant has a `why` of at least 10 characters, which `sandboxd policy explain PROFILE` reads back. `[]` is a
list of tables, as in `[[fetch.hosts]]`.
"""
_REASON = "The reason."
_SAYS_NOTHING = ("The limit.", "Whether it is.", "The names.")
"""Texts of keys that are what the table they stand in is about."""


def page() -> str:
    """The page."""
    text = _HEAD
    for kind, title, before in ((Profile, "profiles/NAME.toml", ""), (Tier, "tiers.toml", "TIER.")):
        rows = [(f"`{key}`", _word(field.type), _default(field), told) for key, field, told in keys(kind, before)]
        text += f"\n## {title}\n\n{docstrings.of_struct(kind)}\n\n" + table("key", "kind", "if absent", "", rows=rows)
    return text


def keys(kind: type[Struct], before: str = "", about: str = "") -> Iterator[tuple[str, FieldInfo, str]]:
    """Every key below a struct with its path, its field and its text; what holds other keys has none of its own."""
    told = docstrings.of_fields(kind)
    for field in fields(kind):
        inner, more = _inside(field.type)
        path, text = before + field.encode_name + (more if inner else ""), told[field.name]
        if inner is None:
            yield path, field, about if text in _SAYS_NOTHING else text if text == _REASON else f"{about} {text}".strip()
        else:
            yield from keys(inner, path + ".", text)


def _inside(kind: Any) -> tuple[type[Struct] | None, str]:
    """The struct that stands in a field, and what its path has more: a place in a list, a name of a door."""
    if get_origin(kind) is list:
        return _inside(get_args(kind)[0])[0], "[]"
    if get_origin(kind) is dict:
        return _inside(get_args(kind)[1])[0], ".DOOR"
    if _is_union(kind):
        return next((each for each in get_args(kind) if _is_struct(each)), None), ""
    return (kind, "") if _is_struct(kind) else (None, "")


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (UnionType, Union)  # the latter where a part of it is annotated


def _word(kind: Any) -> str:
    if _is_union(kind):
        return " or ".join(_word(each) for each in get_args(kind) if each is not type(None))
    if get_origin(kind) is Annotated:
        return _word(get_args(kind)[0])
    if get_origin(kind) is list:
        return f"list of {_word(get_args(kind)[0])}"
    if get_origin(kind) is Literal:
        return ", ".join(f"`{each}`" for each in get_args(kind))
    return {int: "number", str: "text", bool: "true or false"}[kind]


def _default(field: FieldInfo) -> str:
    if field.required:
        return "refused"
    value = field.default if field.default is not NODEFAULT else field.default_factory()
    return {None: "none", "": "none"}.get(value, f"`{value}`") if not isinstance(value, list) else f"`{value}`"
