"""The compiled filters in the kernel: direct system calls, one process each, as root and as an ordinary user."""

from functools import cache
from pathlib import Path

import pytest

from sandboxd.jail import seccomp
from sandboxd.jail.syscalls import ARCHES, known_calls
from tests.support import seccomp_call
from tests.support.seccomp_kernel import HOST, TABLES, USERS, WORDS, filters, made, number
from tests.support.seccomp_policies import ALL_ON, POLICY
from tests.support.seccomp_table import HARDENED, PHASES, TABLE, Args

pytestmark = pytest.mark.skipif(HOST is None, reason="there is no table of system calls for this architecture")

# Rows that the kernel itself may answer like the filter; there the table shows what happens, not who did it.
# Always: what a kernel can be built without. For an ordinary user: what takes privileges.
ANSWERED_BY_THE_KERNEL = {
    "root": {
        "memfd_secret",
        "pkey_alloc",
        "pkey_free",
        "io_uring_setup",
        "io_uring_enter",
        "io_uring_register",
        "#462",
        "#9999",
    },
    "user": {"kill", "tgkill", "clone", "prlimit64", "sethostname", "settimeofday", "syslog"},
}


@cache
def outcomes(user: str, phase: str | None, table: str) -> dict[tuple[str, Args], str]:
    """What became of each call of a table. Without a phase: without a filter, those that some phase does not kill."""
    rows, on = TABLES[table]
    jobs = [row[:2] for row in rows if number(row[0]) is not None and (phase is not None or row[2] != "KKKKK")]
    return dict(zip(jobs, made(user, jobs, filters(POLICY, phase, on)), strict=True))


CASES = [
    pytest.param(user, table, call, args, letters, id=f"{table}-{user}-{call}({','.join(map(str, args))})")
    for table, (rows, _) in TABLES.items()
    for user in USERS
    for call, args, letters in rows
]


@pytest.mark.parametrize(("user", "table", "call", "args", "letters"), CASES)
def test_a_call_in_each_phase(user: str, table: str, call: str, args: Args, letters: str) -> None:
    """The kernel answers as the table says; an allowed call gets the same answer as without any filter."""
    if number(call) is None:
        pytest.skip("this architecture has no such call")
    free = outcomes(user, None, table).get((call, args), "")
    expected = {phase: WORDS.get(letter, free) for phase, letter in zip(PHASES, letters, strict=True)}
    assert {phase: outcomes(user, phase, table)[call, args] for phase in PHASES} == expected


@pytest.mark.parametrize("phase", PHASES)
def test_a_32_bit_call_is_killed(phase: str) -> None:
    """int 0x80 is another architecture, with other numbers."""
    user, job = next(iter(USERS)), [("int80", ())]
    if made(user, job, []) != ["ok"]:
        pytest.skip("this kernel or processor has no 32-bit calls")
    assert made(user, job, filters(POLICY, phase, ALL_ON)) == ["SIGSYS"]


@pytest.mark.parametrize("phase", PHASES)
def test_under_the_filter_of_another_architecture_every_call_is_killed(phase: str) -> None:
    """So a daemon that takes the wrong table cannot open a hole by it."""
    (other,) = [arch for arch in ARCHES.values() if arch != HOST]
    program = seccomp.compile_phase(POLICY, phase, other, ALL_ON)
    calls: list[tuple[str, Args]] = [("getpid", ()), ("read", (-1, 0, 0)), ("exit_group", (0,))]
    assert made(next(iter(USERS)), calls, [(program.code.hex(), program.pid_at)]) == ["SIGSYS"] * 3


@pytest.mark.parametrize("user", USERS)
def test_refusals_are_the_filters(user: str) -> None:
    """Without a filter the refused calls get another answer, apart from those listed above: so the table is not idle."""
    known = ANSWERED_BY_THE_KERNEL["root"] | (ANSWERED_BY_THE_KERNEL["user"] if user == "user" else set())
    free = outcomes(user, None, "all")
    same = {
        call for call, args, expected in TABLE for letter in expected
        if letter in "EN" and free.get((call, args)) == WORDS[letter]
    }  # fmt: skip
    assert same <= known


def test_the_table_knows_every_name() -> None:
    """No row is skipped because of a typing error."""
    rows = {call for call, _, _ in [*TABLE, *HARDENED] if not call.startswith("#")}
    assert rows <= known_calls() | seccomp_call.FUNCTIONS.keys()


def test_every_call_that_the_policy_names_is_in_the_table() -> None:
    """What has a rule has a row. A call that cannot be made on its own has none."""
    named = {call for phase in PHASES for call in POLICY.rules(phase, ALL_ON)}
    assert named - {call for call, _, _ in TABLE} <= {"rt_sigreturn"}


def test_the_table_has_a_column_for_each_phase() -> None:
    """In the same order as the policy."""
    assert list(POLICY.phases) == list(PHASES)


def test_the_helper_is_a_file_of_its_own() -> None:
    """It imports nothing of the project, so what it does is what is written there."""
    assert "sandboxd" not in Path(seccomp_call.__file__).read_text()
