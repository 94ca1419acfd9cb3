"""From the texts of the policy files to a Policy. Pure; every problem of every file is reported at once."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from sandboxd.errors import PolicyError
from sandboxd.policy.model import Policy, Profile, Tier

T = TypeVar("T", bound=msgspec.Struct)


def load_policy(files: Mapping[str, str]) -> Policy:
    """`files` maps names ("tiers.toml", "profiles/NAME.toml") to their text. Raises PolicyError with all problems."""
    problems: list[str] = []
    profiles: dict[str, Profile] = {}
    tiers: dict[str, Tier] = {}
    for name, text in sorted(files.items()):
        try:
            table = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            problems.append(f"{name}: {error}")
            continue
        reader = _Reader(name, text, problems)
        if name == "tiers.toml":
            for tier, body in table.items():
                if (found := reader.struct(Tier, body, tier)) is not None:
                    tiers[tier] = found
        elif match := re.fullmatch(r"profiles/([a-z][a-z0-9-]*)\.toml", name):
            if (profile := reader.struct(Profile, table, "")) is not None:
                reader.check(profile)
                profiles[match[1]] = profile
        else:
            problems.append(f"{name}: not a policy file; expected tiers.toml or profiles/NAME.toml")
    problems += [f"{name}: there is none" for name, found in (("tiers.toml", tiers), ("profiles/", profiles)) if not found]
    if problems:
        raise PolicyError(problems)
    return Policy(profiles, tiers)


class _Reader:
    """Converts the tables of one file key by key, so that one mistake does not hide the next."""

    def __init__(self, file: str, text: str, problems: list[str]) -> None:
        self.file, self.lines, self.problems = file, text.splitlines(), problems

    def problem(self, path: str, what: str) -> None:
        """Notes a problem with the line where the last part of the key's path stands."""
        self.problems.append(f"{self.file}:{self._line(path)}: {path}: {what}")

    def _line(self, path: str) -> int:
        """The line of the deepest part of a dotted path that can be found, its tables' headers searched first."""
        at = 0
        parts = path.split(".")
        for depth in range(1, len(parts) + 1):
            header = re.compile(rf"\s*\[+\s*{re.escape('.'.join(parts[:depth]))}\s*\]+")
            key = re.compile(rf"\s*{re.escape(parts[depth - 1])}\s*=")
            at = next((n for n, line in enumerate(self.lines[at:], at) if header.match(line) or key.match(line)), at)
        return at + 1

    def struct(self, kind: type[T], table: Any, path: str) -> T | None:
        """The struct in `table`, or None when there was any problem with it."""
        if not isinstance(table, dict):
            self.problem(path, "must be a table")
            return None
        before = len(self.problems)
        values = dict(self._fields(kind, table, path))
        return kind(**values) if len(self.problems) == before else None

    def _fields(self, kind: type[T], table: dict[str, Any], path: str) -> Iterator[tuple[str, Any]]:
        fields = {field.name: field for field in msgspec.structs.fields(kind)}
        dotted = f"{path}." if path else ""
        for unknown in sorted(table.keys() - fields.keys()):
            self.problem(dotted + unknown, "unknown key")
        for name, field in fields.items():
            where = dotted + name
            if name not in table:
                if field.required:
                    self.problem(where, "missing")
            elif isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
                yield name, self.struct(field.type, table[name], where)
            else:
                try:
                    yield name, msgspec.convert(table[name], field.type)
                except msgspec.ValidationError as error:
                    self.problem(where, str(error))

    def check(self, profile: Profile) -> None:
        """What the types cannot say."""
        wall = profile.limits.wall_ms
        if not wall.min <= wall.default <= wall.max:
            self.problem("limits.wall_ms", "must hold min <= default <= max")
        names = profile.global_names
        for name in sorted({name for name in names if names.count(name) > 1}):
            self.problem("globals", f"{name} is granted twice")
