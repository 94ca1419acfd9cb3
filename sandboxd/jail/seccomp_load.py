"""From the texts of policies/seccomp to a Policy. Pure; every problem of every file is reported at once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from sandboxd.errors import PolicyError
from sandboxd.jail import syscalls
from sandboxd.jail.seccomp_args import read_test
from sandboxd.jail.seccomp_checks import check_policy
from sandboxd.jail.seccomp_model import Phase, Policy, Rule, is_action
from sandboxd.toml_reader import Reader

PHASES_FILE = "worker.toml"

Why = Annotated[str, Meta(min_length=20)]
Words = dict[str, str]


class RawRule(Struct, frozen=True):
    """One rule as written; `calls` is separated by white space."""

    calls: str
    action: str
    why: Why
    when: list[Any] = []


class RawPhase(Struct, frozen=True):
    """One phase as written."""

    why: Why
    default: str
    unknown: str
    include: str
    added: Words = field(name="with", default_factory=dict)
    removed: Words = field(name="without", default_factory=dict)
    within: str | None = None


def read_policy(home: Path) -> Policy:
    """The policy in a directory. Raises PolicyError with all problems."""
    return load_policy({path.name: path.read_text() for path in home.glob("*.toml")})


def load_policy(files: Mapping[str, str]) -> Policy:
    """`files` maps worker.toml and the files of groups to their text. Raises PolicyError with all problems."""
    problems: list[str] = []
    readers = {name: Reader(name, text, problems) for name, text in sorted(files.items())}
    main = readers.pop(PHASES_FILE, None)
    if main is None:
        raise PolicyError([f"{PHASES_FILE}: there is none"])
    groups: dict[str, tuple[Rule, ...]] = {}
    for reader in readers.values():
        for name, body in reader.tables.items():
            if name in groups:
                reader.problem(name, "this group is also in another file")
            groups[name] = _group(reader, name, body)
    policy = Policy(_switches(main), _phases(main), groups)
    check_policy(policy, main, readers)
    if problems:
        raise PolicyError(problems)
    return policy


def _switches(reader: Reader) -> dict[str, str]:
    table = reader.tables.get("switches", {})
    for name, why in table.items():
        if not isinstance(why, str) or len(why) < 20:
            reader.problem(f"switches.{name}", "must say why it exists, in 20 characters or more")
    return dict(table)


def _phases(reader: Reader) -> dict[str, Phase]:
    for unknown in sorted(reader.tables.keys() - {"switches", "phases"}):
        reader.problem(unknown, "unknown key")
    found = {}
    for name, body in reader.tables.get("phases", {}).items():
        path = f"phases.{name}"
        raw = reader.struct(RawPhase, body, path)
        if raw is None:
            continue
        for key, action in (("default", raw.default), ("unknown", raw.unknown)):
            if not is_action(action) or action == "allow":
                reader.problem(f"{path}.{key}", f"{action!r} refuses nothing: kill or an errno")
        added, removed = (
            {switch: tuple(groups.split()) for switch, groups in words.items()} for words in (raw.added, raw.removed)
        )
        found[name] = Phase(raw.why, raw.default, raw.unknown, tuple(raw.include.split()), added, removed, raw.within)
    return found


def _group(reader: Reader, name: str, body: Any) -> tuple[Rule, ...]:
    if not isinstance(body, list):
        reader.problem(name, "must be a list of rules, [[name]]")
        return ()
    rules = [_rule(reader, table, f"{name}[{index}]") for index, table in enumerate(body)]
    return tuple(rule for rule in rules if rule is not None)


def _rule(reader: Reader, table: Any, path: str) -> Rule | None:
    raw = reader.struct(RawRule, table, path)
    if raw is None:
        return None
    before = len(reader.problems)
    calls = raw.calls.split()
    if not calls:
        reader.problem(f"{path}.calls", "names no call")
    for call in sorted(set(calls)):
        if call not in syscalls.known_calls():
            reader.problem(f"{path}.calls", f"{call} is not a system call", call)
        if calls.count(call) > 1:
            reader.problem(f"{path}.calls", f"{call} is named twice", call)
    if not is_action(raw.action):
        reader.problem(f"{path}.action", f"{raw.action!r} is no action: allow, kill or an errno")
    if raw.when == [] and "when" in table:
        reader.problem(f"{path}.when", "is empty: leave it out, or say what must hold")
    tests = [read_test(reader, body, f"{path}.when[{index}]") for index, body in enumerate(raw.when)]
    when = tuple(test for test in tests if test is not None)
    if len(reader.problems) > before:
        return None
    return Rule(tuple(calls), raw.action, when, raw.why, f"{reader.file}:{reader.line(path)}")
