"""The assembler against the interpreter, and the interpreter against the kernel's rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandboxd.jail import bpf, interpreter
from sandboxd.jail.bpf import Assembler, Instruction
from sandboxd.jail.syscalls import X86_64


def assembled(assembler: Assembler, entry: int) -> list[Instruction]:
    return interpreter.instructions(assembler.code(entry)[0])


def encoded(*program: Instruction) -> bytes:
    return b"".join(bpf.INSTRUCTION.pack(one.op, one.if_true, one.if_false, one.k) for one in program)


RETURN = Instruction(bpf.RETURN, 7)


def chain(length: int) -> list[Instruction]:
    """Returns 1 for the number 0, else 1000 plus the number if that is below `length`, else 2."""
    out = Assembler()
    label, one = out.returning(2), out.returning(1)
    for number in range(1, length):
        label = out.branch(bpf.IF_EQUAL, number, out.returning(1000 + number), label)
    return assembled(out, out.load(bpf.NUMBER, out.branch(bpf.IF_EQUAL, 0, one, label)))


@given(st.integers(0, 600))
def test_a_target_farther_than_a_conditional_jump_reaches_is_reached(number: int) -> None:
    """A chain of 500 comparisons ends where it says, the first of them at the very end of the program."""
    expected = 1 if number == 0 else 1000 + number if number < 500 else 2
    assert interpreter.run(chain(500), X86_64, number).value == expected


def test_equal_returns_within_reach_are_shared() -> None:
    """A value that is returned twice takes one instruction."""
    out = Assembler()
    assert out.returning(5) == out.returning(5)


def test_a_branch_that_decides_nothing_is_left_out() -> None:
    """When both ways lead to the same place there is nothing to compare."""
    out = Assembler()
    label = out.returning(5)
    assert out.branch(bpf.IF_EQUAL, 1, label, label) == label


def test_a_mask_is_applied_before_the_comparison() -> None:
    """`load` with a mask hides the other bits."""
    out = Assembler()
    yes, no = out.returning(1), out.returning(0)
    program = assembled(out, out.load(bpf.ARGS, out.branch(bpf.IF_EQUAL, 0x10, yes, no), 0xF0))
    assert interpreter.run(program, X86_64, 0, (0x1F, 0, 0, 0, 0, 0)).value == 1


def test_marked_constants_are_found_again() -> None:
    """The offset of a marked constant points at its 32 bits in the code."""
    out = Assembler()
    yes, no = out.returning(1), out.returning(0)
    code, (mark,) = out.code(out.load(bpf.NUMBER, out.branch(bpf.IF_EQUAL, 0xABCD, yes, no, marked=True)))
    assert int.from_bytes(code[mark : mark + 4], "little") == 0xABCD


def test_a_program_longer_than_the_kernel_takes_is_refused() -> None:
    """4096 instructions are the most."""
    out = Assembler()
    label = out.returning(0)
    for _ in range(bpf.MOST_INSTRUCTIONS):
        label = out.load(bpf.NUMBER, label)
    with pytest.raises(ValueError, match="4097"):
        out.code(label)


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        (b"", "0 instructions"),
        (b"\0" * 7, "within an instruction"),
        (encoded(Instruction(bpf.LOAD, 0)), "does not return"),
        (encoded(Instruction(bpf.LOAD, 64), RETURN), "loads from 64"),
        (encoded(Instruction(bpf.LOAD, 2), RETURN), "loads from 2"),
        (encoded(Instruction(bpf.JUMP, 1), RETURN), "past the end"),
        (encoded(Instruction(bpf.IF_EQUAL, 0, 0, 1), RETURN), "past the end"),
        (encoded(Instruction(0xFF, 0), RETURN), "unknown operation"),
        (encoded(*[RETURN] * 4097), "4097 instructions"),
    ],
)
def test_the_interpreter_refuses_what_the_kernel_refuses(code: bytes, problem: str) -> None:
    """A malformed program is never run."""
    with pytest.raises(ValueError, match=problem):
        interpreter.instructions(code)
