"""System-call policies as data: what the files say once they are read, and what that means for one call."""

import errno
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

ALL_BITS: Final = (1 << 64) - 1
LOW_BITS: Final = (1 << 32) - 1

# From most to least severe, as the kernel orders them (seccomp(2)). Errnos, by name, stand between the two.
KILL: Final = "kill"
ALLOW: Final = "allow"


def is_action(name: str) -> bool:
    """Whether `name` is allow, kill or an errno such as EPERM."""
    return name in (ALLOW, KILL) or (name.startswith("E") and isinstance(getattr(errno, name, None), int))


class ArgTest(Struct, frozen=True):
    """One argument: it holds when `argument & mask` is one of `values`, or the worker's own pid."""

    arg: int
    mask: int
    values: tuple[int, ...]
    own_pid: bool
    words: str

    def holds(self, args: Sequence[int], pid: int | None) -> bool:
        """Whether it holds for six 64-bit arguments."""
        wanted = (pid,) if self.own_pid else self.values
        return args[self.arg] & self.mask in wanted


class Rule(Struct, frozen=True):
    """`action` for `calls` when all tests hold. `where` is file:line."""

    calls: tuple[str, ...]
    action: str
    when: tuple[ArgTest, ...]
    why: str
    where: str


class Phase(Struct, frozen=True):
    """One filter: which groups it is made of, always and by switches, and what happens to the rest."""

    why: str
    default: str
    unknown: str
    include: tuple[str, ...]
    added: Mapping[str, tuple[str, ...]]
    removed: Mapping[str, tuple[str, ...]]
    within: str | None

    def groups(self, on: frozenset[str]) -> list[str]:
        """The included groups under these switches, in the order of the file."""
        return [
            *self.include,
            *(group for switch, groups in self.added.items() if switch in on for group in groups),
            *(group for switch, groups in self.removed.items() if switch not in on for group in groups),
        ]


class Policy(Struct, frozen=True):
    """All phases, groups and switches. Switches map to why they exist."""

    switches: Mapping[str, str]
    phases: Mapping[str, Phase]
    groups: Mapping[str, tuple[Rule, ...]]

    def rules(self, phase: str, on: frozenset[str]) -> dict[str, list[Rule]]:
        """For each call that a phase names, its rules."""
        found: dict[str, list[Rule]] = {}
        for group in self.phases[phase].groups(on):
            for rule in self.groups.get(group, ()):
                for call in rule.calls:
                    found.setdefault(call, []).append(rule)
        return found

    def verdicts(self, phase: str, on: frozenset[str]) -> dict[str, "Verdict"]:
        """What a phase does with each call that it names."""
        default = self.phases[phase].default
        return {call: verdict(rules, default) for call, rules in self.rules(phase, on).items()}


class Verdict(Struct, frozen=True):
    """What happens to one call: the first case whose tests all hold decides, else `otherwise`."""

    cases: tuple[tuple[tuple[ArgTest, ...], str], ...]
    otherwise: str

    @property
    def can_allow(self) -> bool:
        """Whether there are arguments with which the call is allowed."""
        return self.otherwise == ALLOW or any(action == ALLOW for _, action in self.cases)

    def decide(self, args: Sequence[int], pid: int | None) -> str:
        """The action for six 64-bit arguments."""
        return next((action for tests, action in self.cases if all(t.holds(args, pid) for t in tests)), self.otherwise)


def severity(rule: Rule) -> int:
    """Sorts denials before permissions, kill first."""
    return {KILL: 0, ALLOW: 2}.get(rule.action, 1)


def verdict(rules: Sequence[Rule], default: str) -> Verdict:
    """The rules of one call put in order. The loader has made sure that at most one of them is without tests."""
    ordered = sorted(rules, key=severity)
    always = [rule.action for rule in ordered if not rule.when]
    return Verdict(tuple((rule.when, rule.action) for rule in ordered if rule.when), always[0] if always else default)
