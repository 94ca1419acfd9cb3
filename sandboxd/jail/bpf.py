"""An assembler for classic BPF, from the end to the start: what is jumped to is there before what jumps.

The opcodes are those that the kernel's own cache of "always allowed" understands (kernel/seccomp.c,
seccomp_is_const_allow, Linux 5.11): a call that is allowed whatever its arguments are never runs the program at all.
"""

import struct
from typing import Final

from msgspec import Struct

LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
JUMP: Final = 0x05  # BPF_JMP | BPF_JA
IF_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
IF_AT_LEAST: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
AND: Final = 0x54  # BPF_ALU | BPF_AND | BPF_K
RETURN: Final = 0x06  # BPF_RET | BPF_K

INSTRUCTION: Final = struct.Struct("<HBBI")  # struct sock_filter; both architectures are little-endian
MOST_INSTRUCTIONS: Final = 4096  # BPF_MAXINSNS
FARTHEST: Final = 255  # a conditional jump's reach

# struct seccomp_data: where the fields are, in bytes.
NUMBER, ARCH, ARGS = 0, 4, 16


class Instruction(Struct, frozen=True):
    """One instruction; jumps count from the next one. `marked` finds it again in the program."""

    op: int
    k: int
    if_true: int = 0
    if_false: int = 0
    marked: bool = False


class Assembler:
    """Takes instructions last one first. A label is the number of instructions from there to the end."""

    def __init__(self) -> None:
        self._backwards: list[Instruction] = []
        self._known: dict[Instruction, int] = {}

    def returning(self, value: int) -> int:
        """The label of a return of `value`: an earlier one if it is within reach, else a new one."""
        wanted = Instruction(RETURN, value)
        label = self._known.get(wanted)
        if label is None or len(self._backwards) - label >= FARTHEST - 2:
            label = self._known[wanted] = self._add(wanted)
        return label

    def load(self, offset: int, then: int, mask: int | None = None) -> int:
        """The label of "load the 32 bits at `offset`, masked, and go on at `then`"."""
        self._fall_into(then)
        if mask is not None:
            self._add(Instruction(AND, mask))
        return self._add(Instruction(LOAD, offset))

    def branch(self, op: int, k: int, if_true: int, if_false: int, *, marked: bool = False) -> int:
        """The label of a conditional jump. What is too far is reached by a jump or a return of its own."""
        if if_true == if_false:
            return if_true
        for _ in range(2):  # bringing one near moves the other by one
            if_true, if_false = self._near(if_true), self._near(if_false)
        here = len(self._backwards)
        return self._add(Instruction(op, k, here - if_true, here - if_false, marked))

    def code(self, entry: int) -> tuple[bytes, tuple[int, ...]]:
        """The program that starts at `entry`, and the byte offsets of the constants of its marked instructions."""
        self._fall_into(entry)
        if len(self._backwards) > MOST_INSTRUCTIONS:
            raise ValueError(f"{len(self._backwards)} instructions, the kernel takes {MOST_INSTRUCTIONS}")
        program = self._backwards[::-1]
        marks = tuple(n * INSTRUCTION.size + 4 for n, one in enumerate(program) if one.marked)
        return b"".join(INSTRUCTION.pack(one.op, one.if_true, one.if_false, one.k) for one in program), marks

    def _add(self, instruction: Instruction) -> int:
        self._backwards.append(instruction)
        return len(self._backwards)

    def _near(self, label: int) -> int:
        if len(self._backwards) - label <= FARTHEST - 2:
            return label
        return self._jump(label)

    def _jump(self, label: int) -> int:
        target = self._backwards[label - 1]
        return self._add(target if target.op == RETURN else Instruction(JUMP, len(self._backwards) - label))

    def _fall_into(self, label: int) -> None:
        if label != len(self._backwards):
            self._jump(label)
