"""Mutants of policies/seccomp: one line, rule, call, group or argument condition less, or one value more or less in it."""

import copy
import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any, Final

from tests.mutate.mutant import Mutant

FOLDER: Final = "policies/seccomp"

# One value more for each list of values: what an attacker would ask for.
WIDER: Final = {
    "madvise": 12,  # MADV_MERGEABLE
    "futex": 6,  # FUTEX_LOCK_PI
    "prctl": 22,  # PR_SET_SECCOMP
    "fcntl": 8,  # F_SETOWN
    "ioctl": 0x5412,  # TIOCSTI
    "arch_prctl": 0x1001,  # ARCH_SET_GS
}

Table = dict[str, Any]


def written(tables: Table) -> str:
    """TOML for what the policy files are made of: words, lists of tables, tables of words."""
    return "\n".join(_section(name, body) for name, body in tables.items())


def _section(name: str, body: Any) -> str:
    if isinstance(body, list):
        return "\n".join(f"[[{name}]]\n{_keys(table)}" for table in body)
    flat = {key: value for key, value in body.items() if not isinstance(value, dict)}
    nested = {key: value for key, value in body.items() if isinstance(value, dict)}
    return f"[{name}]\n{_keys(flat)}" + "\n".join(_section(f"{name}.{key}", value) for key, value in nested.items())


def _keys(table: Table) -> str:
    return "".join(f"{key} = {_value(value)}\n" for key, value in table.items())


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value)


def mutants(file: str, text: str) -> Iterator[Mutant]:
    """All mutants of one file."""
    yield from _without_a_line(file, text)
    tables = tomllib.loads(text)
    changes = _of_phases(tables) if "phases" in tables else _of_groups(tables)
    for where, what, changed in changes:
        yield Mutant(f"{FOLDER}/{file}", where, what, written(changed))


def _without_a_line(file: str, text: str) -> Iterator[Mutant]:
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if line.strip() and not line.startswith("#"):
            rest = "".join(lines[:number] + lines[number + 1 :])
            yield Mutant(f"{FOLDER}/{file}", f"line {number + 1}", f"without {line.strip()[:60]}", rest)


Change = tuple[str, str, Table]


def _of_groups(tables: Table) -> Iterator[Change]:
    for group, rules in tables.items():
        for index, rule in enumerate(rules):
            where = f"{group}[{index}]"
            changed = copy.deepcopy(tables)
            del changed[group][index]
            if not changed[group]:
                del changed[group]
            yield where, "without the rule", changed
            for what, other in _of_rule(rule):
                changed = copy.deepcopy(tables)
                changed[group][index] = other
                yield where, what, changed


def _of_rule(rule: Table) -> Iterator[tuple[str, Table]]:
    for what, calls in _fewer_words(rule["calls"]):
        yield f"without {what}", rule | {"calls": calls}
    tests = rule.get("when", [])
    for at, test in enumerate(tests):
        others = [*tests[:at], *tests[at + 1 :]]
        less = rule | {"when": others} if others else {key: value for key, value in rule.items() if key != "when"}
        yield f"without the test of {test['what']}", less
        for what, changed in _of_test(test, rule["calls"]):
            yield f"{test['what']} {what}", rule | {"when": [*tests[:at], changed, *tests[at + 1 :]]}


def _of_test(test: Table, call: str) -> Iterator[tuple[str, Table]]:
    for key in ("mask", "ignore", "eq"):
        words = test.get(key)
        if isinstance(words, str):
            for what, fewer in _fewer_words(words):
                yield f"without {what} in {key}", test | {key: fewer}
            if key == "ignore":
                yield "without ignore", {name: value for name, value in test.items() if name != key}
    for value in test.get("in", []):
        fewer = [each for each in test["in"] if each != value]
        yield f"without {value}", test | {"in": fewer}
    if "in" in test and call in WIDER:
        yield f"with {WIDER[call]:#x} too", test | {"in": [*test["in"], WIDER[call]]}
    if "bits" in test:
        yield "in all 64 bits", {name: value for name, value in test.items() if name != "bits"}
    elif "mask" not in test:  # which says itself where it looks
        yield "in 32 bits only", test | {"bits": 32}


def _fewer_words(text: str) -> Iterator[tuple[str, str]]:
    words = text.split()
    for word in words if len(words) > 1 else ():
        yield word, re.sub(rf"(?<!\S){re.escape(word)}(?!\S)", "", text).strip()


def _of_phases(tables: Table) -> Iterator[Change]:
    every = {group for phase in tables["phases"].values() for group in phase["include"].split()}
    for name, phase in tables["phases"].items():
        for what, other in _of_phase(phase, every):
            changed = copy.deepcopy(tables)
            changed["phases"][name] = other
            yield f"phases.{name}", what, changed


def _of_phase(phase: Table, every: set[str]) -> Iterator[tuple[str, Table]]:
    for what, fewer in _fewer_words(phase["include"]):
        yield f"without {what}", phase | {"include": fewer}
    for group in sorted(every - set(phase["include"].split()) - set(" ".join(phase.get("with", {}).values()).split())):
        yield f"with {group} too", phase | {"include": f"{phase['include']} {group}"}
    for key in ("within", "with", "without"):
        if key in phase:
            yield f"without {key}", {name: value for name, value in phase.items() if name != key}
    for key in ("default", "unknown"):
        yield f"other {key}", phase | {key: "EPERM" if phase[key] == "ENOSYS" else "ENOSYS"}
