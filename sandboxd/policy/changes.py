"""What differs between two policies, and what of the old one a new one goes on with. Pure."""

from collections.abc import Iterator
from typing import Any

from msgspec import to_builtins
from msgspec.structs import replace

from sandboxd.policy.model import Policy, Profile


def changes(before: Policy, after: Policy) -> list[str]:
    """The keys that differ, like "tiers.starter.hourly"; a list is one key. Values are not told: some are credentials."""
    return list(_differences(to_builtins(before), to_builtins(after)))


def _differences(before: Any, after: Any, path: str = "") -> Iterator[str]:
    if before == after:
        return
    if not (isinstance(before, dict) and isinstance(after, dict)):
        yield path
        return
    for name in sorted({*before, *after}):
        inner = f"{path}.{name}" if path else name
        if (name in before) != (name in after):
            yield inner
        else:
            yield from _differences(before[name], after[name], inner)


def carry_over(before: Policy, after: Policy) -> Policy:
    """`after`, with those rules of fetch that have not changed as they are in `before`: connections are known by them."""
    return replace(after, profiles={name: _carried(before.profiles.get(name), each) for name, each in after.profiles.items()})


def _carried(before: Profile | None, after: Profile) -> Profile:
    return replace(after, fetch=before.fetch) if before is not None and before.fetch == after.fetch else after
