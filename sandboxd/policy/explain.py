"""A profile in words."""

from collections.abc import Iterator
from textwrap import fill

from sandboxd.policy.model import Profile


def explain(name: str, profile: Profile) -> str:
    """What code under this profile may do and why, for people."""
    return "\n".join(_lines(name, profile))


def _lines(name: str, profile: Profile) -> Iterator[str]:
    limits = profile.limits
    yield f"profile {name}: {profile.why}"
    yield f"  speaks the dialect {profile.dialect}"
    yield f"  runs {limits.wall_ms.min} to {limits.wall_ms.max} ms, {limits.wall_ms.default} unless asked: {limits.wall_ms.why}"
    for what, limit in (
        ("bytes of memory", limits.memory_bytes),
        ("bytes of console output", limits.output_bytes),
        ("bytes of result", limits.result_bytes),
        ("bytes of source", limits.source_bytes),
        ("levels of nesting in a result", limits.depth),
    ):
        yield f"  at most {limit.most:,} {what}: {limit.why}"
    for what, switch in (("make code from strings", profile.eval), ("use threads", profile.threads)):
        yield f"  {'may' if switch.allowed else 'may not'} {what}: {switch.why}"
    kept = "status, usage and a hash" if profile.store.keep == "metadata" else "everything, source and output included"
    yield f"  of an execution is kept {kept}: {profile.store.why}"
    for group in profile.globals:
        yield f"  sees {len(group.names.split())} globals: {group.why}"
        yield fill(" ".join(group.names.split()), 110, initial_indent="    ", subsequent_indent="    ")
    relaxed = f"may be missing: {' '.join(profile.jail.relax)}" if profile.jail.relax else "must all hold"
    yield f"  the layers of its jail {relaxed}: {profile.jail.why}"
    yield "  everything else is absent: no file, no socket, no process, no module, no environment"
