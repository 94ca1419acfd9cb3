"""A profile in words."""

from collections.abc import Iterator
from textwrap import fill

from sandboxd.policy.address import place_of
from sandboxd.policy.fetch import Fetch, FetchHost, judge
from sandboxd.policy.location import serialise
from sandboxd.policy.model import Profile
from sandboxd.policy.url import parse
from sandboxd.toml_reader import Reader


def explain(name: str, profile: Profile) -> str:
    """What code under this profile may do and why, for people."""
    return "\n".join(_lines(name, profile))


def _lines(name: str, profile: Profile) -> Iterator[str]:
    limits = profile.limits
    yield f"profile {name}: {profile.why}"
    yield f"  speaks the dialect {profile.dialect}"
    yield f"  runs {limits.wall_ms.min} to {limits.wall_ms.max} ms, {limits.wall_ms.default} unless asked: {limits.wall_ms.why}"
    memory = limits.memory_bytes
    chosen = f", {memory.usual:,} unless asked, {memory.least:,} at least" if memory.least is not None else ""
    yield f"  at most {memory.most:,} bytes of memory{chosen}: {memory.why}"
    for what, limit in (
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
    if profile.fetch is None:
        yield "  may ask nobody: it has no [fetch]"
    else:
        yield from _fetch(profile.fetch)
    relaxed = f"may be missing: {' '.join(profile.jail.relax)}" if profile.jail.relax else "must all hold"
    yield f"  the layers of its jail {relaxed}: {profile.jail.why}"
    yield "  everything else is absent: no file, no socket, no process, no module, no environment"


def _fetch(fetch: Fetch) -> Iterator[str]:
    yield f"  may ask {len(fetch.hosts)} hosts by HTTP: {fetch.why}"
    for entry in fetch.hosts:
        yield f"    {_entry(entry)}: {entry.why}"
    if fetch.base_url:
        yield f"    a relative URL is relative to {fetch.base_url}"
    for blocked in fetch.blocked_ports:
        yield f"    {len(blocked.numbers)} ports are blocked: {blocked.why}"
    for credential in fetch.credentials:
        yield f"    the broker adds {credential.header} for {credential.host}: {credential.why}"
    limits = fetch.limits
    for what, limit in (
        ("calls", limits.calls),
        ("calls at once", limits.concurrent),
        ("calls at once of one principal", limits.principal_concurrent),
        ("ms for a call", limits.wall_ms),
        ("bytes of a request", limits.request_bytes),
        ("bytes of a response", limits.response_bytes),
    ):
        yield f"    at most {limit.most:,} {what}: {limit.why}"


def _entry(entry: FetchHost) -> str:
    ports = f"port {' '.join(map(str, entry.ports))}" if entry.ports else "any port that is not blocked"
    places = " or ".join(["public", *entry.reach])
    return f"{entry.host} by {' or '.join(entry.schemes)}, {ports}, at {places} addresses"


def explain_url(reader: Reader, profile: Profile, text: str) -> tuple[bool, str]:
    """Whether code under the profile may ask for a URL, and which line of the profile's file decides."""
    if profile.fetch is None:
        return False, f"refused: {reader.file} has no [fetch]"
    base = parse(profile.fetch.base_url) if profile.fetch.base_url else None
    verdict = judge(profile.fetch, serialise(text, base))
    place = f"{reader.file}:{reader.line(verdict.line)}"
    if verdict.entry is None:
        return False, f"refused by {place}: {verdict.why} ({verdict.rule})"
    return True, f"allowed by {place}: {_entry(verdict.entry)}\n  {verdict.entry.why}\n  {_addresses(verdict.entry)}"


def _addresses(entry: FetchHost) -> str:
    if place_of(entry.bare) == "malformed":
        return "Its name is resolved and every address of it judged when it is asked; the daemon's own ports are refused there."
    return "It is an address, so no name is resolved; the daemon's own ports are refused there."
