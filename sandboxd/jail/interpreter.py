"""Runs a filter as the kernel does, and refuses what the kernel refuses. For tests, and for architectures that are not here."""

import struct
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from sandboxd.jail import bpf
from sandboxd.jail.syscalls import Arch

DATA: Final = struct.Struct("<iIQ6Q")  # struct seccomp_data: number, arch, instruction pointer, arguments


class Ran(Struct, frozen=True):
    """What came of one call: the return value, the instructions executed, and whether an argument was looked at."""

    value: int
    steps: int
    saw_args: bool


def instructions(code: bytes) -> list[bpf.Instruction]:
    """The program, checked by the kernel's rules (net/core/filter.c bpf_check_classic, seccomp_check_filter)."""
    if len(code) % bpf.INSTRUCTION.size:
        raise ValueError("the program ends within an instruction")
    program = [bpf.Instruction(op, k, jt, jf) for op, jt, jf, k in bpf.INSTRUCTION.iter_unpack(code)]
    if not 0 < len(program) <= bpf.MOST_INSTRUCTIONS:
        raise ValueError(f"{len(program)} instructions")
    for at, one in enumerate(program):
        left = len(program) - at - 1
        reach = {
            bpf.JUMP: one.k,
            bpf.IF_EQUAL: max(one.if_true, one.if_false),
            bpf.IF_AT_LEAST: max(one.if_true, one.if_false),
        }.get(one.op, 0)
        if one.op not in (bpf.LOAD, bpf.JUMP, bpf.IF_EQUAL, bpf.IF_AT_LEAST, bpf.AND, bpf.RETURN):
            raise ValueError(f"instruction {at}: unknown operation {one.op:#x}")
        if reach >= left and one.op in (bpf.JUMP, bpf.IF_EQUAL, bpf.IF_AT_LEAST):
            raise ValueError(f"instruction {at}: jumps past the end")
        if one.op == bpf.LOAD and (one.k % 4 or one.k >= DATA.size):
            raise ValueError(f"instruction {at}: loads from {one.k}")
    if program[-1].op != bpf.RETURN:
        raise ValueError("the last instruction does not return")
    return program


def run(program: Sequence[bpf.Instruction], arch: Arch, number: int, args: Sequence[int] = (0,) * 6) -> Ran:
    """Executes a program for one call. `number` may be given unsigned, `args` are six unsigned 64-bit numbers."""
    signed = number - (1 << 32) if number >= 1 << 31 else number
    data = DATA.pack(signed, arch.audit, 0, *args)
    at = accumulator = steps = 0
    saw_args = False
    while True:
        one = program[at]
        at += 1
        steps += 1
        if one.op == bpf.RETURN:
            return Ran(one.k, steps, saw_args)
        if one.op == bpf.LOAD:
            accumulator = int.from_bytes(data[one.k : one.k + 4], "little")
            saw_args = saw_args or one.k >= bpf.ARGS
        elif one.op == bpf.AND:
            accumulator &= one.k
        elif one.op == bpf.JUMP:
            at += one.k
        else:
            holds = accumulator == one.k if one.op == bpf.IF_EQUAL else accumulator >= one.k
            at += one.if_true if holds else one.if_false
