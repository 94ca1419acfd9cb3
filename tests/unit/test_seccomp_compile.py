"""Compiled programs, run by the interpreter, against the policy's own meaning, on both architectures."""

import errno
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandboxd.jail import interpreter
from sandboxd.jail.seccomp_compile import NO_PID, RET_ALLOW, RET_ERRNO, RET_KILL_PROCESS, compile_phase, return_value
from sandboxd.jail.seccomp_model import ALL_BITS, ALLOW, LOW_BITS, ArgTest, Phase, Policy, Rule, Verdict
from sandboxd.jail.syscalls import AARCH64, ARCHES, X32_BIT, X86_64, Arch
from tests.support.seccomp_policies import (
    ALL_ON,
    PHASES,
    PID,
    POLICY,
    arguments,
    filter_name,
    filters,
    program,
    telling_numbers,
    verdicts,
)

every_filter = pytest.mark.parametrize(("phase", "arch", "on"), list(filters()), ids=filter_name)
every_added = pytest.mark.parametrize(
    ("phase", "arch", "on"), [one for one in filters() if POLICY.phases[one[0]].within is not None], ids=filter_name
)
every_arch = pytest.mark.parametrize("arch", ARCHES.values(), ids=filter_name)


def decided(phase: str, arch: Arch, on: frozenset[str], number: int, args: tuple[int, ...]) -> int:
    """What the policy says of a number: the meaning that the compiler has to meet."""
    names = {number: name for name, number in arch.numbers.items()}
    if arch.x32 and number >= X32_BIT:
        return RET_KILL_PROCESS
    if number not in names:
        return return_value(POLICY.phases[phase].unknown)
    verdict = verdicts(phase, on).get(names[number], Verdict((), POLICY.phases[phase].default))
    return return_value(verdict.decide(args, PID))


@every_filter
def test_every_number_gets_what_the_policy_says(phase: str, arch: Arch, on: frozenset[str]) -> None:
    """Each number up to past the table's end, the ends of the ranges and x32 numbers, with all arguments zero and all ones."""
    numbers = [*range(1100), X32_BIT - 1, X32_BIT, X32_BIT + 39, X32_BIT + 520, (1 << 31) - 1, 1 << 31, LOW_BITS]
    code = program(phase, arch, on)
    for args in ((0,) * 6, (ALL_BITS,) * 6):
        got = {number: interpreter.run(code, arch, number, args).value for number in numbers}
        assert got == {number: decided(phase, arch, on, number, args) for number in numbers}


@every_filter
def test_each_single_argument_is_compared_in_all_its_bits(phase: str, arch: Arch, on: frozenset[str]) -> None:
    """Every telling number, one bit off and with noise in the other half, in each argument of each call with tests."""
    code = program(phase, arch, on)
    for call, verdict in verdicts(phase, on).items():
        if not verdict.cases or call not in arch.numbers:
            continue
        for start in satisfying(verdict):
            for arg in range(6):
                for number in telling_numbers(verdict):
                    args = (*start[:arg], number, *start[arg + 1 :])
                    got = interpreter.run(code, arch, arch.numbers[call], args).value
                    assert got == return_value(verdict.decide(args, PID)), (call, args)


def satisfying(verdict: Verdict) -> list[tuple[int, ...]]:
    """For each case, arguments that meet it."""
    found = []
    for tests, _ in verdict.cases:
        args = [0] * 6
        for test in tests:
            args[test.arg] = PID if test.own_pid else test.values[0]
        found.append(tuple(args))
    return found


def strictest(values: list[int]) -> int:
    """What the kernel makes of the answers of several filters, the one that was put on last being first."""
    return min(values, key=lambda value: [RET_KILL_PROCESS, RET_ERRNO, RET_ALLOW].index(value & ~0xFFFF))


@every_added
def test_what_a_filter_leaves_to_the_one_below_is_decided_alike(phase: str, arch: Arch, on: frozenset[str]) -> None:
    """Each number, with all arguments that tell: both together are as strict, and as wordy, as with the whole filter."""
    below = POLICY.phases[phase].within
    assert below is not None
    short = interpreter.instructions(compile_phase(POLICY, phase, arch, on, PID, upon=below).code)
    whole, outer = program(phase, arch, on), program(below, arch, on)
    assert len(short) < len(whole)
    by_number = {number: verdicts(phase, on)[call] for call, number in arch.numbers.items() if call in verdicts(phase, on)}
    for number in [*range(max(arch.numbers.values()) + 3), X32_BIT, X32_BIT + 1]:
        verdict = by_number.get(number, Verdict((), "EPERM"))
        for args in ((0,) * 6, *satisfying(verdict), *((told,) * 6 for told in telling_numbers(verdict))):
            short_of, whole_of, outer_of = (interpreter.run(one, arch, number, args).value for one in (short, whole, outer))
            assert strictest([short_of, outer_of]) == strictest([whole_of, outer_of]), (number, args)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_random_arguments_get_what_the_policy_says(data: st.DataObject) -> None:
    """Any call of any filter with any arguments."""
    phase, arch, on = data.draw(st.sampled_from(list(filters())))
    names = sorted(call for call, verdict in verdicts(phase, on).items() if verdict.cases and call in arch.numbers)
    call = data.draw(st.sampled_from(names))
    verdict = verdicts(phase, on)[call]
    args = data.draw(arguments(verdict))
    got = interpreter.run(program(phase, arch, on), arch, arch.numbers[call], args).value
    assert got == return_value(verdict.decide(args, PID))


@every_filter
def test_a_call_of_another_architecture_is_killed(phase: str, arch: Arch, on: frozenset[str]) -> None:
    """i386, arm and the other one of ours: whatever the number is."""
    code = program(phase, arch, on)
    others = [other.audit for other in ARCHES.values() if other != arch] + [0x40000003, 0x40000028, 0]
    foreign = [Arch("foreign", audit, x32=False) for audit in others]
    assert {interpreter.run(code, one, number).value for one in foreign for number in range(500)} == {RET_KILL_PROCESS}


@every_filter
def test_a_call_that_is_always_allowed_is_decided_without_its_arguments(phase: str, arch: Arch, on: frozenset[str]) -> None:
    """So the kernel's cache holds it, and the program is not run for it at all."""
    code = program(phase, arch, on)
    always = [call for call, verdict in verdicts(phase, on).items() if not verdict.cases and verdict.otherwise == ALLOW]
    ran = [interpreter.run(code, arch, arch.numbers[call]) for call in always if call in arch.numbers]
    assert {(one.value, one.saw_args) for one in ran} == {(RET_ALLOW, False)}


@every_filter
def test_an_allowed_call_takes_few_instructions(phase: str, arch: Arch, on: frozenset[str]) -> None:
    """The tree is balanced: no allowed call without tests takes more than 16 instructions."""
    code = program(phase, arch, on)
    always = [call for call, verdict in verdicts(phase, on).items() if not verdict.cases and verdict.otherwise == ALLOW]
    assert max(interpreter.run(code, arch, arch.numbers[call]).steps for call in always if call in arch.numbers) <= 16


@every_arch
def test_without_a_pid_no_process_is_the_own_one(arch: Arch) -> None:
    """An unpatched program allows signals to nobody: not to 0 (the group), not to -1 (everybody), not to a real pid."""
    code = interpreter.instructions(compile_phase(POLICY, "exec_run", arch, ALL_ON).code)
    values = {interpreter.run(code, arch, arch.numbers["kill"], (pid, 9, 0, 0, 0, 0)).value for pid in (0, 1, PID, LOW_BITS)}
    assert values == {return_value("EPERM")}


@every_arch
def test_patching_is_the_same_as_compiling_with_the_pid(arch: Arch) -> None:
    """The launcher patches the number in that it learns after the fork."""
    patched = compile_phase(POLICY, "exec_run", arch, ALL_ON).for_pid(PID)
    assert patched == compile_phase(POLICY, "exec_run", arch, ALL_ON, PID).code


@pytest.mark.parametrize("phase", ["server", "child"])
def test_filters_of_the_fork_server_need_no_pid(phase: str) -> None:
    """They exist before the child does."""
    assert compile_phase(POLICY, phase, X86_64, ALL_ON).pid_at == ()


@pytest.mark.parametrize("phase", PHASES)
def test_return_values_are_those_of_the_kernel(phase: str) -> None:
    """Only kill, allow and the errnos that the policy names are ever returned."""
    named = {rule.action for rules in POLICY.rules(phase, ALL_ON).values() for rule in rules} | {"EPERM", "ENOSYS", "kill"}
    returned = {one.k for one in program(phase, X86_64, ALL_ON) if one.op == 0x06}
    assert returned == {return_value(action) for action in named}


def test_errnos_are_returned_by_number() -> None:
    """SECCOMP_RET_ERRNO carries it in its low 16 bits."""
    assert return_value("ENOSYS") == 0x0005_0000 | errno.ENOSYS


# ------------------------------------------------------------------ policies that nobody would write

masks = st.sampled_from([ALL_BITS, LOW_BITS, ALL_BITS ^ LOW_BITS, 1, 1 << 32, 1 << 63, 0x1_0000_0001]) | st.integers(
    1, ALL_BITS
)


@st.composite
def argument_tests(draw: st.DrawFn) -> ArgTest:
    mask = draw(masks)
    raw = draw(st.lists(st.integers(0, ALL_BITS) | st.integers(0, 3), min_size=1, max_size=6))
    own = draw(st.integers(0, 9)) == 0
    return ArgTest(draw(st.integers(0, 5)), LOW_BITS if own else mask, tuple({one & mask for one in raw}), own, "")


actions = st.sampled_from(["allow", "kill", "EPERM", "ENOSYS", "EACCES"])
rules = st.lists(st.tuples(actions, st.lists(argument_tests(), min_size=1, max_size=3)), min_size=1, max_size=4)


def policy_of(written: Mapping[str, list[tuple[str, list[ArgTest]]]]) -> Policy:
    """One phase, in which each call has these rules."""
    made = tuple(
        Rule((call,), action, tuple(tests), "", f"x:{n}")
        for call, few in written.items()
        for n, (action, tests) in enumerate(few)
    )
    return Policy({}, {"only": Phase("", "EPERM", "ENOSYS", ("g",), {}, {}, None)}, {"g": made})


@settings(max_examples=150, deadline=None)
@given(
    written=st.dictionaries(st.sampled_from(sorted(AARCH64.numbers.keys() & X86_64.numbers.keys())), rules, max_size=4),
    arch=st.sampled_from(list(ARCHES.values())),
    data=st.data(),
)
def test_any_policy_means_the_same_compiled(
    written: dict[str, list[tuple[str, list[ArgTest]]]], arch: Arch, data: st.DataObject
) -> None:
    """Random masks, values and alternatives, in both halves of the arguments."""
    policy = policy_of(written)
    code = interpreter.instructions(compile_phase(policy, "only", arch, set(), PID).code)
    for call, verdict in policy.verdicts("only", frozenset()).items():
        for args in (*satisfying(verdict), data.draw(arguments(verdict))):
            got = interpreter.run(code, arch, arch.numbers[call], args).value
            assert got == return_value(verdict.decide(args, PID))


def test_no_pid_is_no_pid() -> None:
    """Linux gives out pids below 2^22 (PID_MAX_LIMIT), and the number is no negative one."""
    assert 1 << 22 < NO_PID < 1 << 31
