"""Who notices a mutant of the system-call policy.

A permission less must harm somebody honest: a recorded call of Node, a real worker, a stated need. That a table of calls no
longer shows it as allowed would only repeat the policy. A refusal less must let an attack through: a row of that same table
which the kernel has to refuse. What the loader does not accept is noticed by it.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from sandboxd.errors import PolicyError
from sandboxd.jail import seccomp
from sandboxd.jail.seccomp_checks import every_switching
from sandboxd.jail.seccomp_model import Policy, Verdict
from tests.mutate import rules
from tests.mutate.mutant import Found, Mutant
from tests.mutate.tree import ROOT, first_to_notice
from tests.support.seccomp_kernel import TABLES, USERS, WORDS, filters, made, number
from tests.support.seccomp_table import NOISE, PHASES, Args

# Which tests know what a phase's workers need: cheap ones first. Rules of a phase that is not here wait for its entry.
_NEEDS: Final = (
    "tests/integration/test_seccomp_recorded.py",
    "tests/unit/test_seccomp_policy.py",
    "tests/integration/test_seccomp_libc.py",
    "tests/integration/test_seccomp_node.py",
    "tests/integration/test_jail.py",
)
_FORKED: Final = (
    *_NEEDS,
    "tests/integration/test_forkserver_descriptors.py",
    "tests/integration/test_forkserver_lifetime.py",
)
PROBES: Final = {"exec_boot": _NEEDS, "exec_run": _NEEDS, "fork_boot": _FORKED, "server": _FORKED, "child": _FORKED}

_IN_C: Final = {"a_thread": "clone", "a_fork": "clone", "a_requeue": "futex"}  # what the functions of seccomp_call.py call

Meaning = tuple[object, ...]


@cache
def files() -> dict[str, str]:
    """The shipped policy."""
    return {path.name: path.read_text() for path in sorted((ROOT / rules.FOLDER).glob("*.toml"))}


@cache
def shipped() -> Policy:
    """The same, read."""
    return seccomp.load_policy(files())


def mutants() -> Iterator[Mutant]:
    """Of all policy files, the written ones: several may mean the same."""
    for file, text in files().items():
        yield from rules.mutants(file, text)


def sift(mutant: Mutant) -> str | None:
    """A mark that two mutants share when they mean the same; None when only a phase without probes would be another."""
    policy = read(mutant)
    if policy is None:
        return mutant.name
    if not touched(policy) and meaning(policy) != meaning(shipped()):
        return None
    return sha256(repr(meaning(policy)).encode()).hexdigest()


def read(mutant: Mutant) -> Policy | None:
    """The mutant's policy; None when the loader refuses it."""
    try:
        return seccomp.load_policy(files() | {Path(mutant.file).name: mutant.text})
    except PolicyError:
        return None


def _decides(verdict: Verdict | None) -> object:
    if verdict is None:
        return None
    cases = [(tuple((t.arg, t.mask, t.values, t.own_pid) for t in tests), action) for tests, action in verdict.cases]
    return tuple(cases), verdict.otherwise


def _phase(policy: Policy, name: str) -> Meaning:
    phase = policy.phases[name]
    decided = [
        tuple(sorted((call, _decides(verdict)) for call, verdict in policy.verdicts(name, on).items()))
        for on in every_switching(policy)
    ]
    return phase.default, phase.unknown, phase.within, *decided


def meaning(policy: Policy) -> Meaning:
    """What a policy does, however it is written."""
    return tuple(_phase(policy, name) if name in policy.phases else None for name in shipped().phases)


def touched(policy: Policy) -> list[str]:
    """The phases with probes that are no longer what they were."""
    return [name for name in PROBES if name not in policy.phases or _phase(policy, name) != _phase(shipped(), name)]


def judge(tree: Path, mutant: Mutant) -> Found:
    """Who notices the mutant."""
    policy = read(mutant)
    if policy is None:
        return Found(mutant, "the loader")
    phases = touched(policy)
    if attack := next(attacks(policy, phases), ""):
        return Found(mutant, "a call that the kernel must refuse", attack)
    asked = dict.fromkeys(test for phase in phases for test in PROBES[phase])
    failed = first_to_notice(tree, mutant.file, mutant.text, list(asked)) if asked else ""
    return Found(mutant, failed.partition("[")[0], failed)


def attacks(policy: Policy, phases: Sequence[str]) -> Iterator[str]:
    """Calls that have to be refused in these phases, and are not, or in another way; made in the real kernel.

    And calls with noise where the kernel does not look: for it they are the same as without, so they have to be for the filter.
    """
    user = next(iter(USERS))
    for phase in phases:
        for rows, on in TABLES.values():
            decided, concerned = policy.verdicts(phase, on), _concerned(policy, phase, on)
            chosen = [row for row in rows if number(row[0]) is not None and concerned(row[0])]
            told = [(call, args, letters[PHASES.index(phase)]) for call, args, letters in chosen]
            jobs = [(call, args) for call, args, letter in told if letter in WORDS or _noisy(args)]
            expected = [WORDS.get(letter, "") for call, args, letter in told if letter in WORDS or _noisy(args)]
            for call in _deadly(chosen):
                if decided.get(call, _REFUSED).can_allow:
                    yield f"{call} is allowed in {phase}"  # and is not tried: who knows what becomes of the machine
                    return
            if not jobs:
                continue
            plain = [_without_noise(job) for job, want in zip(jobs, expected, strict=True) if not want]
            words = made(user, [*jobs, *plain], filters(policy, phase, on))
            meant = iter(words[len(jobs) :])
            for job, want, word in zip(jobs, expected, words[: len(jobs)], strict=True):
                if word != (want or next(meant)):
                    yield f"{job[0]}({', '.join(map(str, job[1]))}) in {phase} gives {word}"


_REFUSED: Final = Verdict((), "EPERM")


def _deadly(rows: Sequence[tuple[str, Args, str]]) -> set[str]:
    """Calls that the table says are killed everywhere: only these are not harmless when they are made."""
    return {call for call, _, letters in rows if set(letters) == {"K"} and not call.startswith("#")}


def _noisy(args: Args) -> bool:
    return any(arg == "self+" or (isinstance(arg, int) and arg >> 32 == NOISE >> 32) for arg in args)


def _without_noise(job: tuple[str, Args]) -> tuple[str, Args]:
    """The same call as far as the kernel looks at it, where there is noise."""
    call, args = job
    return call, tuple(arg.rstrip("+") if isinstance(arg, str) else arg & 0xFFFF_FFFF for arg in args)


def _concerned(policy: Policy, phase: str, on: frozenset[str]) -> Callable[[str], bool]:
    """Whether a phase may do something else with a call than it is shipped to."""
    before, after = shipped().phases[phase], policy.phases[phase]
    if (before.default, before.unknown, before.within) != (after.default, after.unknown, after.within):
        return lambda _: True
    was, now = shipped().verdicts(phase, on), policy.verdicts(phase, on)
    changed = {call for call in was.keys() | now.keys() if _decides(was.get(call)) != _decides(now.get(call))}
    return lambda call: _IN_C.get(call, call) in changed
