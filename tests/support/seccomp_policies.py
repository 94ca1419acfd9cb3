"""What the tests of the system-call policies share: the shipped policy, its programs, and arguments that are worth trying."""

from collections.abc import Iterator
from functools import cache
from itertools import product

from hypothesis import strategies as st

import policies
from sandboxd.jail import interpreter, seccomp
from sandboxd.jail.bpf import Instruction
from sandboxd.jail.seccomp_checks import every_switching
from sandboxd.jail.seccomp_model import ALL_BITS, Verdict
from sandboxd.jail.syscalls import ARCHES, Arch

POLICY = seccomp.read_policy(policies.HOME / "seccomp")
PHASES = list(POLICY.phases)
SWITCHINGS = list(every_switching(POLICY))
ALL_ON = frozenset(POLICY.switches)
PID = 4242


def filters() -> Iterator[tuple[str, Arch, frozenset[str]]]:
    """Every filter that can be compiled from the shipped policy."""
    yield from product(PHASES, ARCHES.values(), SWITCHINGS)


def filter_name(part: object) -> str:
    """A test id for a part of filters()."""
    return part.name if isinstance(part, Arch) else part if isinstance(part, str) else "+".join(sorted(part)) or "none"  # type: ignore[call-overload]


@cache
def program(phase: str, arch: Arch, on: frozenset[str]) -> list[Instruction]:
    """A compiled filter of the shipped policy, ready for the interpreter."""
    return interpreter.instructions(seccomp.compile_phase(POLICY, phase, arch, on, PID).code)


@cache
def verdicts(phase: str, on: frozenset[str]) -> dict[str, Verdict]:
    """The shipped policy's own meaning."""
    return POLICY.verdicts(phase, on)


def telling_numbers(verdict: Verdict) -> list[int]:
    """64-bit numbers around those that a verdict compares with: the values, one bit off, and noise in the other half."""
    values = {0, 1, PID, ALL_BITS}
    for tests, _ in verdict.cases:
        for test in tests:
            values |= {*test.values, test.mask, ALL_BITS ^ test.mask}
    off = {value ^ 1 << bit for value in values for bit in (0, 2, 22, 31, 32, 63)}
    noisy = {value | 0xDEAD_BEEF << 32 for value in values}
    return sorted({value & ALL_BITS for value in values | off | noisy})


def arguments(verdict: Verdict) -> st.SearchStrategy[list[int]]:
    """Six arguments, most of them close to what decides."""
    one = st.sampled_from(telling_numbers(verdict)) | st.integers(0, ALL_BITS)
    return st.lists(one, min_size=6, max_size=6)
