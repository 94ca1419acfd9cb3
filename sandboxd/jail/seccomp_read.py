"""Reads TOML tables into structs key by key, so that one mistake does not hide the next; problems know their line."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any, Final, TypeVar

import msgspec

T = TypeVar("T", bound=msgspec.Struct)

_HEADER: Final = re.compile(r"\s*\[\[?[\w.-]+\]\]?\s*(#.*)?$")


class Reader:
    """One policy file. `problems` is shared by all files; each is "file:line: key: what"."""

    def __init__(self, file: str, text: str, problems: list[str]) -> None:
        self.file, self.lines, self.problems = file, text.splitlines(), problems
        try:
            self.tables = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            problems.append(f"{file}: {error}")
            self.tables = {}

    def problem(self, path: str, what: str, word: str = "") -> None:
        """Notes a problem at the line of a path such as `memory[2].when[0].eq`; if `word` is given, at the line that has it."""
        self.problems.append(f"{self.file}:{self.line(path, word)}: {path}: {what}")

    def line(self, path: str, word: str = "") -> int:
        """The line, from 1, of the deepest part of a path that can be found. A key is looked for in its own table only."""
        at, dotted = 0, ""
        for name, index in re.findall(r"([\w-]+)(?:\[(\d+)\])?", path):
            dotted = f"{dotted}.{name}" if dotted else name
            headers = [n for n, line in enumerate(self.lines) if re.match(rf"\s*\[+\s*{re.escape(dotted)}\s*\]", line)]
            if headers:
                at = headers[min(int(index or 0), len(headers) - 1)]
                continue
            at = self._find(rf"(?:.*[\s{{,.])?{re.escape(name)}\s*=", at)
            for step in range(int(index) + 1 if index else 0):
                at = self._find(r".*\{", at + bool(step))
        return (self._find(rf".*(?<![\w-]){re.escape(word)}(?![\w-])", at) if word else at) + 1

    def _find(self, pattern: str, start: int) -> int:
        """The first line from `start` on that matches, before the next table begins; `start` when there is none."""
        for n in range(start, len(self.lines)):
            if n > start and _HEADER.match(self.lines[n]):
                break
            if re.match(pattern, self.lines[n]):
                return n
        return min(start, len(self.lines) - 1)

    def struct(self, kind: type[T], table: Any, path: str) -> T | None:
        """The struct in `table`, or None when there was any problem with it."""
        if not isinstance(table, dict):
            self.problem(path, "must be a table")
            return None
        before = len(self.problems)
        values = dict(self._fields(kind, table, path))
        return kind(**values) if len(self.problems) == before else None

    def _fields(self, kind: type[T], table: dict[str, Any], path: str) -> Iterator[tuple[str, Any]]:
        fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        for unknown in sorted(table.keys() - fields.keys()):
            self.problem(f"{path}.{unknown}", "unknown key")
        for key, field in fields.items():
            if key not in table:
                if field.required:
                    self.problem(f"{path}.{key}", "missing")
                continue
            try:
                yield field.name, msgspec.convert(table[key], field.type)
            except msgspec.ValidationError as error:
                self.problem(f"{path}.{key}", str(error))
