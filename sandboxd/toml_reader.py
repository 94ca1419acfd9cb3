"""Reads TOML tables into structs key by key, so that one mistake does not hide the next; problems know their line."""

import re
import tomllib
from collections.abc import Iterator
from types import UnionType
from typing import Any, Final, Literal, TypeVar, get_args, get_origin

import msgspec

T = TypeVar("T", bound=msgspec.Struct)

_HEADER: Final = re.compile(r"\s*\[\[?[^\[\]{},]+\]\]?\s*(?:#.*)?")


class Reader:
    """One file. `problems` is shared by all files; each is "file:line: key: what"."""

    def __init__(self, file: str, text: str, problems: list[str]) -> None:
        self.file, self.lines, self.problems = file, text.splitlines(), problems
        self.tables: dict[str, Any] = {}
        self.broken = False
        """Whether the text is no TOML; there are no tables then, and nothing else should be said of them."""
        try:
            self.tables = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            problems.append(f"{file}: {error}")
            self.broken = True

    def problem(self, path: str, what: str, word: str = "") -> None:
        """Notes a problem at the line of a path such as `memory[2].when[0].eq`; if `word` is given, at the line that has it."""
        self.problems.append(f"{self.file}:{self.line(path, word)}: {path}: {what}")

    def line(self, path: str, word: str = "") -> int:
        """The line, from 1, of the deepest part of a path that can be found. A key is looked for in its own table only.

        What looks like a header or a key inside of a text of many lines is taken for one: the line is a hint.
        """
        parts = re.findall(r"([^.\[\]]+)(?:\[(\d+)\])?", path)
        at, depth = self._header(parts)
        for name, index in parts[depth:]:
            key = self._find(rf'\s*"?{re.escape(name)}"?\s*[.=]|.*[\s{{,.]{re.escape(name)}\s*=', at)
            if key is None:
                break
            at = key
            for step in range(int(index) + 1 if index else 0):
                at = self._find(r".*\{", at + bool(step)) or at
        found = self._find(rf".*(?<![\w-]){re.escape(word)}(?![\w-])", at) if word else None
        return 1 + (at if found is None else found)

    def _header(self, parts: list[tuple[str, str]]) -> tuple[int, int]:
        """Where the nearest table begins that has a header, and how many parts of the path that header names."""
        for depth in range(len(parts), 0, -1):
            name = re.escape(".".join(name for name, _ in parts[:depth]))
            headers = [n for n, line in enumerate(self.lines) if re.match(rf'\s*\[+\s*"?{name}"?\s*\]', line)]
            if headers:
                return headers[min(int(parts[depth - 1][1] or 0), len(headers) - 1)], depth
        return 0, 0

    def _find(self, pattern: str, start: int) -> int | None:
        """The first line from `start` on that matches, before the next table begins."""
        for n in range(start, len(self.lines)):
            if n > start and _HEADER.fullmatch(self.lines[n]):
                break
            if re.match(pattern, self.lines[n]):
                return n
        return None

    def struct(self, kind: type[T], table: Any, path: str) -> T | None:
        """The struct in `table`, or None when there was any problem with it. The path of a whole file is empty."""
        if not isinstance(table, dict):
            self.problem(path, "must be a table")
            return None
        before = len(self.problems)
        values = dict(self._fields(kind, table, path))
        return kind(**values) if len(self.problems) == before else None

    def _fields(self, kind: type[T], table: dict[str, Any], path: str) -> Iterator[tuple[str, Any]]:
        fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        dotted = f"{path}." if path else ""
        for unknown in sorted(table.keys() - fields.keys()):
            self.problem(dotted + unknown, "unknown key")
        for key, field in fields.items():
            if key in table:
                yield field.name, self._value(field.type, table[key], dotted + key)
            elif field.required:
                self.problem(dotted + key, "missing")

    def _named(self, names: Any, key: str, path: str) -> bool:
        """Whether a table may have this name, one of a closed list."""
        if key not in get_args(names):
            self.problem(f"{path}.{key}", f"must be one of {', '.join(get_args(names))}")
            return False
        return True

    def _value(self, kind: Any, value: Any, path: str) -> Any:
        if isinstance(kind, UnionType):  # a struct that may be absent
            kind = next((each for each in get_args(kind) if isinstance(each, type) and issubclass(each, msgspec.Struct)), kind)
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            return self.struct(kind, value, path)
        if get_origin(kind) is dict and isinstance(value, dict):
            names, item = get_args(kind)
            known = [key for key in value if get_origin(names) is not Literal or self._named(names, key, path)]
            return {key: self._value(item, value[key], f"{path}.{key}") for key in known}
        item = get_args(kind)[0] if get_origin(kind) is list else None
        if isinstance(item, type) and issubclass(item, msgspec.Struct) and isinstance(value, list):
            return [self.struct(item, each, f"{path}[{place}]") for place, each in enumerate(value)]
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            self.problem(path, str(error))
