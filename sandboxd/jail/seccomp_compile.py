"""From a phase of the policy to the bytes that the kernel takes."""

import errno
import struct
from collections.abc import Sequence, Set
from typing import Final

from msgspec import Struct

from sandboxd.jail import bpf
from sandboxd.jail.seccomp_model import ALLOW, KILL, LOW_BITS, ArgTest, Policy, Verdict
from sandboxd.jail.syscalls import X32_BIT, Arch

RET_KILL_PROCESS: Final = 0x8000_0000
RET_ERRNO: Final = 0x0005_0000
RET_ALLOW: Final = 0x7FFF_0000

# Stands where the worker's pid is to be patched in: the kernel gives out none above 2^22, so unpatched it matches nobody.
NO_PID: Final = 0x7FFF_FFFF

# How much more often an honest worker makes an allowed call than one that is refused: keeps the former near the tree's root.
_LIKELY: Final = 16

_ALLOWED: Final = Verdict((), ALLOW)


class Program(Struct, frozen=True):
    """A filter: an array of struct sock_filter. `pid_at` are the byte offsets of the 32-bit numbers that become the pid."""

    code: bytes
    pid_at: tuple[int, ...]

    @property
    def length(self) -> int:
        """In instructions, as struct sock_fprog wants it."""
        return len(self.code) // bpf.INSTRUCTION.size

    def for_pid(self, pid: int) -> bytes:
        """The code for one worker; `pid` as that worker itself sees it."""
        patched = bytearray(self.code)
        for offset in self.pid_at:
            struct.pack_into("<I", patched, offset, pid)
        return bytes(patched)


def return_value(action: str) -> int:
    """What a filter returns to the kernel for an action."""
    return {ALLOW: RET_ALLOW, KILL: RET_KILL_PROCESS}.get(action) or RET_ERRNO | getattr(errno, action)


def compile_phase(
    policy: Policy, phase: str, arch: Arch, on: Set[str], pid: int | None = None, *, upon: str | None = None
) -> Program:
    """The filter of a phase. `on` are the switches that are on; without `pid` the program is to be patched before use.

    `upon` is a phase whose filter is on already. What that one decides alike is left to it: the kernel takes the strictest
    answer of all filters (seccomp(2)), and compiles and checks each program for each process that puts it on.
    """
    spans = spans_of(policy, phase, arch, frozenset(on), upon)
    program = _Compiler().program(spans, arch)
    return program if pid is None else Program(program.for_pid(pid), program.pid_at)


class _Compiler:
    def __init__(self) -> None:
        self.out = bpf.Assembler()
        self.labels: dict[Verdict, int] = {}

    def program(self, spans: Sequence[tuple[int, Verdict]], arch: Arch) -> Program:
        labels = [(start, self.verdict(verdict), _LIKELY if verdict.can_allow else 1) for start, verdict in spans]
        known = self.out.load(bpf.NUMBER, self.tree(labels))
        foreign = self.out.returning(RET_KILL_PROCESS)
        entry = self.out.load(bpf.ARCH, self.out.branch(bpf.IF_EQUAL, arch.audit, known, foreign))
        return Program(*self.out.code(entry))

    def tree(self, spans: Sequence[tuple[int, int, int]]) -> int:
        """A comparison tree over spans (first number, label, weight), split where the weight is halved."""
        if len(spans) == 1:
            return spans[0][1]
        half, seen, cut = sum(weight for *_, weight in spans) / 2, 0, 1
        for cut in range(1, len(spans)):
            seen += spans[cut - 1][2]
            if seen + spans[cut][2] / 2 >= half:
                break
        above, below = self.tree(spans[cut:]), self.tree(spans[:cut])
        return self.out.branch(bpf.IF_AT_LEAST, spans[cut][0], above, below)

    def verdict(self, verdict: Verdict) -> int:
        """The label that decides one call."""
        if not verdict.cases:
            return self.out.returning(return_value(verdict.otherwise))
        if verdict not in self.labels:
            label = self.out.returning(return_value(verdict.otherwise))
            for tests, action in reversed(verdict.cases):
                held, missed = self.out.returning(return_value(action)), label
                for test in reversed(tests):
                    held = self.test(test, held, missed)
                label = held
            self.labels[verdict] = label
        return self.labels[verdict]

    def test(self, test: ArgTest, held: int, missed: int) -> int:
        """Compares an argument: for each upper half that is wanted, whether the lower half is one that goes with it."""
        offset = bpf.ARGS + 8 * test.arg
        low_mask, high_mask = test.mask & LOW_BITS, test.mask >> 32
        values = [NO_PID] if test.own_pid else sorted(test.values)
        label = missed
        for high in sorted({value >> 32 for value in values}, reverse=True):
            lows = [value & LOW_BITS for value in values if value >> 32 == high]
            lower = self.half(offset, low_mask, lows, held, missed, marked=test.own_pid)
            label = self.half(offset + 4, high_mask, [high], lower, label)
        return label

    def half(self, offset: int, mask: int, values: Sequence[int], held: int, missed: int, *, marked: bool = False) -> int:
        """Whether 32 bits, masked, are one of the values. A half that the mask does not look at is zero in every value."""
        if mask == 0:
            return held
        label = missed
        for value in reversed(values):
            label = self.out.branch(bpf.IF_EQUAL, value, held, label, marked=marked)
        return self.out.load(offset, label, None if mask == LOW_BITS else mask)


def spans_of(policy: Policy, phase: str, arch: Arch, on: frozenset[str], upon: str | None = None) -> list[tuple[int, Verdict]]:
    """The numbers from 0 on, in spans with the same verdict, each by its first number; the last has no end."""
    rows = _rows(policy, phase, arch, on)
    if upon is not None:
        outer = _rows(policy, upon, arch, on)
        rows = [(number, _ALLOWED if row == around else row) for (number, row), (_, around) in zip(rows, outer, strict=True)]
    return [row for n, row in enumerate(rows) if n == 0 or rows[n - 1][1] != row[1]]


def _rows(policy: Policy, phase: str, arch: Arch, on: frozenset[str]) -> list[tuple[int, Verdict]]:
    """The verdict for each number, one above the last that has a name, and where the numbers of x32 begin."""
    default = Verdict((), policy.phases[phase].default)
    unknown = Verdict((), policy.phases[phase].unknown)
    named = policy.verdicts(phase, on)
    by_number = {number: named.get(call, default) for call, number in arch.numbers.items()}
    rows = [(number, by_number.get(number, unknown)) for number in range(max(by_number) + 2)]
    return [*rows, (X32_BIT, Verdict((), KILL))] if arch.x32 else rows
