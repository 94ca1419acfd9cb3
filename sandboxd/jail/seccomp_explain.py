"""A phase of the system-call policy in words."""

from collections.abc import Iterator, Set
from textwrap import fill

from sandboxd.jail.seccomp_model import ALLOW, KILL, Policy, Rule
from sandboxd.jail.syscalls import Arch


def explain(policy: Policy, phase: str, on: Set[str], arch: Arch | None = None) -> str:
    """Which calls a phase allows, with which arguments, and why; `arch` leaves out the calls that it does not have."""
    return "\n".join(_lines(policy, phase, frozenset(on), arch))


def _lines(policy: Policy, phase: str, on: frozenset[str], arch: Arch | None) -> Iterator[str]:
    found = policy.phases[phase]
    yield f"phase {phase}: {found.why}"
    for switch, why in policy.switches.items():
        yield f"  {switch} is {'on' if switch in on else 'off'}: {why}"
    if found.within is not None:
        yield f"  is added to {found.within}; the stricter of the two decides"
    rules = [rule for group in found.groups(on) for rule in policy.groups[group]]
    for heading, chosen in (
        ("allows", [rule for rule in rules if rule.action == ALLOW]),
        ("refuses", [rule for rule in rules if rule.action not in (ALLOW, KILL)]),
        ("kills the worker at", [rule for rule in rules if rule.action == KILL]),
    ):
        yield f"  {heading}"
        for rule in chosen:
            yield from _rule(rule, arch)
    yield f"  answers every other call with {found.default}, and a number it has no name for with {found.unknown}"
    yield "  kills the worker at every call of a foreign architecture, x32 included"


def _rule(rule: Rule, arch: Arch | None) -> Iterator[str]:
    calls = [call for call in rule.calls if arch is None or call in arch.numbers]
    if not calls:
        return
    answer = f" with {rule.action}" if rule.action not in (ALLOW, KILL) else ""
    tests = " and ".join(test.words for test in rule.when)
    text = f"{' '.join(calls)}{answer}{f', when {tests}' if tests else ''}: {rule.why}"
    yield fill(text, 120, initial_indent="    ", subsequent_indent="      ", break_on_hyphens=False)
