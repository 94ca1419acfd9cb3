"""From the texts of the policy files to a Policy. Pure; every problem of every file is reported at once."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, get_args, get_origin

import msgspec

from sandboxd.errors import PolicyError
from sandboxd.policy.model import NEVER_RELAXED, Policy, Profile, Tier

T = TypeVar("T", bound=msgspec.Struct)
_NAME = re.compile(r"[a-z][a-z0-9-]*")
_HEADER = re.compile(r"\s*\[+\s*([^\]]+?)\s*\]+\s*(?:#.*)?")


def load_policy(files: Mapping[str, str]) -> Policy:
    """`files` maps names ("tiers.toml", "profiles/NAME.toml") to their text. Raises PolicyError with all problems."""
    problems: list[str] = []
    profiles: dict[str, Profile] = {}
    tiers: dict[str, Tier] = {}
    readers: dict[str, _Reader] = {}
    for file, text in sorted(files.items()):
        if file.startswith("seccomp/"):
            continue  # the jail's own: it reads and judges them
        profile_name = re.fullmatch(rf"profiles/({_NAME.pattern})\.toml", file)
        if profile_name is None and file != "tiers.toml":
            problems.append(f"{file}: not a policy file; expected tiers.toml or profiles/NAME.toml")
            continue
        try:
            table = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            problems.append(f"{file}: {error}")
            continue
        reader = readers[file] = _Reader(file, text, problems)
        if profile_name is None:
            tiers = reader.tiers(table)
        else:
            reader.check_profile(table)
            if (profile := reader.struct(Profile, table, "")) is not None:
                profiles[profile_name[1]] = profile
    if "tiers.toml" not in files:
        problems.append("tiers.toml: there is none")
    if not any(file.startswith("profiles/") for file in files):
        problems.append("profiles/: there is none")
    for name, tier in tiers.items():
        readers["tiers.toml"].check_tier(name, tier, profiles)
    if problems:
        raise PolicyError(problems)
    return Policy(profiles, tiers)


class _Reader:
    """Converts the tables of one file key by key, so that one mistake does not hide the next."""

    def __init__(self, file: str, text: str, problems: list[str]) -> None:
        self.file, self.lines, self.problems = file, text.splitlines(), problems

    def problem(self, path: str, what: str) -> None:
        """Notes a problem with the line where the last part of the key's path stands, or what it should stand in."""
        self.problems.append(f"{self.file}:{self._line(path)}: {path}: {what}")

    def _line(self, path: str) -> int:
        """The line of the nearest table's header, or of the key in that table.

        What begins like a header or a key inside of a text of many lines is taken for one: the line is a hint.
        """
        number = re.search(r"\[(\d+)\]", path)  # which one of several tables of one name
        parts = re.sub(r"\[\d+\]", "", path).split(".")
        for depth in range(len(parts), 0, -1):
            name = ".".join(parts[:depth])
            headers = [n for n, line in enumerate(self.lines) if (m := _HEADER.fullmatch(line)) and m[1].strip('"') == name]
            if headers:
                header = headers[min(int(number[1]) if number else 0, len(headers) - 1)]
                return 1 + (header if depth == len(parts) else self._key_line(parts[depth], header + 1, header))
        return 1 + self._key_line(parts[0], 0, 0)

    def _key_line(self, name: str, begin: int, otherwise: int) -> int:
        key = re.compile(rf"\s*\"?{re.escape(name)}\"?\s*[=.]")
        for n, line in enumerate(self.lines[begin:], begin):
            if _HEADER.fullmatch(line):
                break
            if key.match(line):
                return n
        return otherwise

    def tiers(self, table: dict[str, Any]) -> dict[str, Tier]:
        """The tiers that are right."""
        found: dict[str, Tier] = {}
        for name, body in table.items():
            if not _NAME.fullmatch(name):
                self.problem(name, "a tier's name is lower-case letters, digits and hyphens")
            if (tier := self.struct(Tier, body, name)) is not None:
                found[name] = tier
        return found

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
            if name in table:
                yield name, self._value(field.type, table[name], dotted + name)
            elif field.required:
                self.problem(dotted + name, "missing")

    def _value(self, kind: Any, value: Any, path: str) -> Any:
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            return self.struct(kind, value, path)
        item = get_args(kind)[0] if get_origin(kind) is list else None
        if isinstance(item, type) and issubclass(item, msgspec.Struct) and isinstance(value, list):
            return [self.struct(item, each, f"{path}[{place}]") for place, each in enumerate(value)]
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            self.problem(path, str(error))

    # What the types cannot say. It looks at the raw table, so that another mistake in the file does not hide it.

    def check_profile(self, table: dict[str, Any]) -> None:
        """The range of the wall clock, layers that nobody may relax, and names that are granted twice."""
        jail = table.get("jail")
        relaxed = jail.get("relax") if isinstance(jail, dict) else None
        for layer in relaxed if isinstance(relaxed, list) else []:
            if layer in NEVER_RELAXED:
                self.problem("jail.relax", f"{layer} can never be relaxed: without it a worker is not contained")
        if relaxed and isinstance(jail, dict) and "why" not in jail:
            self.problem("jail.why", "missing: who takes a layer away says why")
        limits = table.get("limits")
        wall = limits.get("wall_ms") if isinstance(limits, dict) else None
        steps = [wall.get(key) for key in ("min", "default", "max")] if isinstance(wall, dict) else []
        known = [step for step in steps if isinstance(step, int)]
        if known != sorted(known):
            self.problem("limits.wall_ms", "must hold min <= default <= max")
        seen: set[str] = set()
        groups = table.get("globals")
        for place, group in enumerate(groups if isinstance(groups, list) else []):
            names = group.get("names") if isinstance(group, dict) else None
            for name in names.split() if isinstance(names, str) else []:
                if name in seen:
                    self.problem(f"globals[{place}].names", f"{name} is granted twice")
                seen.add(name)

    def check_tier(self, name: str, tier: Tier, profiles: Mapping[str, Profile]) -> None:
        """A door serves the profile of its name: a tier that opens it must leave it the time that it asks for at least."""
        for door in tier.doors:
            profile = profiles.get(door)
            if profile is not None and tier.max_timeout_ms < profile.limits.wall_ms.min:
                least = profile.limits.wall_ms.min
                self.problem(f"{name}.max_timeout_ms", f"{tier.max_timeout_ms} is below the {least} ms that {door} needs")
