"""What a C library does too seldom for a recording: brought about under the filters of a worker that runs code."""

import platform

import pytest

from tests.support.seccomp_kernel import HOST, USERS, filters, made
from tests.support.seccomp_policies import ALL_ON, POLICY

pytestmark = pytest.mark.skipif(HOST is None, reason="there is no table of system calls for this architecture")


def becomes_of(what: str) -> str:
    """What becomes of one of the functions of seccomp_call.py."""
    (word,) = made(next(iter(USERS)), [(what, ())], filters(POLICY, "exec_run", ALL_ON))
    return word


def test_waiters_can_be_moved_to_another_lock() -> None:
    """musl takes it for granted: where it is refused, those who wait for a condition are never woken."""
    assert becomes_of("a_requeue") == "ok"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the words are glibc's")
def test_what_is_said_of_a_damaged_heap_gets_out() -> None:
    """Before it aborts, glibc writes its reason with writev: all that anybody will know of such a crash."""
    assert becomes_of("a_damaged_heap") == "SIGABRT: free(): invalid pointer"
