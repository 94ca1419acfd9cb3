"""What a policy must hold as a whole: names that exist, no contradiction, no phase that allows what its outer phase refuses."""

from collections.abc import Iterator, Mapping
from itertools import combinations, product
from typing import Final

from sandboxd.jail.seccomp_model import ALLOW, Policy, Rule, Verdict
from sandboxd.toml_reader import Reader

_SOME_PID: Final = 1 << 22  # larger than any pid, and than any other number that a rule could mean


def every_switching(policy: Policy) -> Iterator[frozenset[str]]:
    """All combinations of switches."""
    names = sorted(policy.switches)
    yield from (frozenset(on) for size in range(len(names) + 1) for on in combinations(names, size))


def check_policy(policy: Policy, main: Reader, readers: Mapping[str, Reader]) -> None:
    """Notes every problem of the whole policy with the reader of the file where it lies."""
    _check_names(policy, main)
    used = {group for phase in policy.phases.values() for on in every_switching(policy) for group in phase.groups(on)}
    for reader in readers.values():
        for group in reader.tables.keys() - used:
            reader.problem(group, "no phase includes this group")
    # The same finding under several switches is one problem; dict keeps the order.
    for problem in dict.fromkeys(_contradictions(policy)):
        main.problems.append(problem)
    for path, what in dict.fromkeys(_wider_than_outer(policy)):
        main.problem(path, what)


def _check_names(policy: Policy, main: Reader) -> None:
    for name, phase in policy.phases.items():
        path = f"phases.{name}"
        if phase.within is not None and phase.within not in policy.phases:
            main.problem(f"{path}.within", f"there is no phase {phase.within}")
        for key, words in (("with", phase.added), ("without", phase.removed)):
            for switch, groups in words.items():
                if switch not in policy.switches:
                    main.problem(f"{path}.{key}.{switch}", f"there is no switch {switch}")
                _check_groups(policy, main, f"{path}.{key}.{switch}", groups)
        _check_groups(policy, main, f"{path}.include", phase.include)
    for switch in policy.switches:
        if not any(switch in words for phase in policy.phases.values() for words in (phase.added, phase.removed)):
            main.problem(f"switches.{switch}", "no phase uses this switch")


def _check_groups(policy: Policy, main: Reader, path: str, groups: tuple[str, ...]) -> None:
    for group in dict.fromkeys(groups):
        if group not in policy.groups:
            main.problem(path, f"there is no group {group}", group)
        if groups.count(group) > 1:
            main.problem(path, f"{group} is included twice", group)


def _contradictions(policy: Policy) -> Iterator[str]:
    for name in policy.phases:
        for on in every_switching(policy):
            for call, rules in policy.rules(name, on).items():
                for index, second in enumerate(rules):
                    for first in rules[:index]:
                        if first is not second and (clash := _clash(first, second)) is not None:
                            yield f"{second.where}: {call}: {clash} in phase {name} (the other rule: {first.where})"


def _clash(first: Rule, second: Rule) -> str | None:
    """Why two rules for one call cannot both be meant, or None."""
    pair = {first.action, second.action}
    if not first.when and not second.when:
        return f"is {' and also '.join(sorted(pair))}" if len(pair) > 1 else "is decided twice"
    for always, other in ((first, second), (second, first)):
        if not always.when and (always.action != ALLOW or other.action == ALLOW):
            return f"is {always.action} whatever its arguments are, and {other.action} with some"
    return None


def _wider_than_outer(policy: Policy) -> Iterator[tuple[str, str]]:
    for name, phase in policy.phases.items():
        if phase.within is None or phase.within not in policy.phases:
            continue
        for on in every_switching(policy):
            outer = policy.verdicts(phase.within, on)
            for call, inner in policy.verdicts(name, on).items():
                around = outer.get(call, Verdict((), phase.default))
                if any(around.decide(args, _SOME_PID) != ALLOW for args in _allowed(inner)):
                    yield f"phases.{name}.within", f"{call} is allowed here and not in {phase.within}: it would be refused"


def _allowed(verdict: Verdict) -> Iterator[list[int]]:
    """Arguments of each kind that a verdict allows; those that no test looks at are 0."""
    cases = [tests for tests, action in verdict.cases if action == ALLOW] + ([()] if verdict.otherwise == ALLOW else [])
    for tests in cases:
        for values in product(*((_SOME_PID,) if test.own_pid else test.values for test in tests)):
            args = [0] * 6
            for test, value in zip(tests, values, strict=True):
                args[test.arg] |= value
            if verdict.decide(args, _SOME_PID) == ALLOW:
                yield args
