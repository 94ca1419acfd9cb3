"""From the texts of the policy files to a Policy. Pure; every problem of every file is reported at once."""

import re
from collections.abc import Mapping

from sandboxd.errors import PolicyError
from sandboxd.models import NEVER_RELAXED
from sandboxd.policy import fetch_check
from sandboxd.policy.model import Policy, Profile, Tier
from sandboxd.toml_reader import Reader

_NAME = re.compile(r"[a-z][a-z0-9-]*")


def load_policy(files: Mapping[str, str]) -> Policy:
    """`files` maps names ("tiers.toml", "profiles/NAME.toml") to their text. Raises PolicyError with all problems."""
    problems: list[str] = []
    profiles: dict[str, Profile] = {}
    tiers: dict[str, Tier] = {}
    readers: dict[str, Reader] = {}
    for file, text in sorted(files.items()):
        if file.startswith("seccomp/"):
            continue  # the jail's own: it reads and judges them
        profile_name = re.fullmatch(rf"profiles/({_NAME.pattern})\.toml", file)
        if profile_name is None and file != "tiers.toml":
            problems.append(f"{file}: not a policy file; expected tiers.toml or profiles/NAME.toml")
            continue
        reader = readers[file] = Reader(file, text, problems)
        if reader.broken:
            continue
        if profile_name is None:
            tiers = _tiers(reader)
        else:
            _check_profile(reader)
            if (profile := reader.struct(Profile, reader.tables, "")) is not None:
                profiles[profile_name[1]] = profile
    if "tiers.toml" not in files:
        problems.append("tiers.toml: there is none")
    if not any(file.startswith("profiles/") for file in files):
        problems.append("profiles/: there is none")
    for name, tier in tiers.items():
        _check_tier(readers["tiers.toml"], name, tier, profiles)
    if problems:
        raise PolicyError(problems)
    return Policy(profiles, tiers)


def _tiers(reader: Reader) -> dict[str, Tier]:
    """The tiers that are right."""
    found: dict[str, Tier] = {}
    for name, body in reader.tables.items():
        if not _NAME.fullmatch(name):
            reader.problem(name, "a tier's name is lower-case letters, digits and hyphens")
        if (tier := reader.struct(Tier, body, name)) is not None:
            found[name] = tier
    return found


# What the types cannot say. It looks at the raw tables, so that another mistake in the file does not hide it.


def _check_profile(reader: Reader) -> None:
    """The layers that nobody may relax, the ranges of limits, names that are granted twice, and whom fetch may ask."""
    jail = reader.tables.get("jail")
    relaxed = jail.get("relax") if isinstance(jail, dict) else None
    for layer in relaxed if isinstance(relaxed, list) else []:
        if layer in NEVER_RELAXED:
            reader.problem("jail.relax", f"{layer} can never be relaxed: without it a worker is not contained")
    if relaxed and isinstance(jail, dict) and "why" not in jail:
        reader.problem("jail.why", "missing: who takes a layer away says why")
    limits = reader.tables.get("limits")
    for limit, keys in (("wall_ms", ("min", "default", "max")), ("memory_bytes", ("least", "default", "most"))):
        table = limits.get(limit) if isinstance(limits, dict) else None
        steps = [table.get(key) for key in keys] if isinstance(table, dict) else []
        known = [step for step in steps if isinstance(step, int)]
        if known != sorted(known):
            reader.problem(f"limits.{limit}", f"must hold {' <= '.join(keys)}")
    seen: set[str] = set()
    groups = reader.tables.get("globals")
    for place, group in enumerate(groups if isinstance(groups, list) else []):
        names = group.get("names") if isinstance(group, dict) else None
        for name in names.split() if isinstance(names, str) else []:
            if name in seen:
                reader.problem(f"globals[{place}].names", f"{name} is granted twice")
            seen.add(name)
    for path, what in fetch_check.problems(reader.tables.get("fetch")):
        reader.problem(path, what)


def _check_tier(reader: Reader, name: str, tier: Tier, profiles: Mapping[str, Profile]) -> None:
    """A door serves the profile of its name: a tier that opens it must leave it what it needs at least."""
    for door, access in tier.doors.items():
        profile = profiles.get(door)
        if profile is None:
            continue
        path, limits = f"{name}.doors.{door}", profile.limits
        if access.max_timeout_ms < (least := limits.wall_ms.min):
            reader.problem(f"{path}.max_timeout_ms", f"{access.max_timeout_ms} is below the {least} ms that {door} needs")
        if access.max_memory_bytes is not None and access.max_memory_bytes < (least := limits.memory_bytes.least or 0):
            reader.problem(
                f"{path}.max_memory_bytes", f"{access.max_memory_bytes} is below the {least} bytes that {door} needs"
            )
