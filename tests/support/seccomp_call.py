"""A process of its own that makes system calls under filters, each in a fork of itself. Standard library only.

    python -I -S seccomp_call.py < JSON > JSON

The input is {"uid": number or null, "jobs": [...]}. A job is {"filters": [[hex, [pid offsets]], ...], "call": number or a name
of FUNCTIONS or int80, "args": [...]}. The answer is a list with one word for each job: `ok`, an errno's name, `ended` when the
call did not return, or the name of the signal that ended the process, with what it said on stderr. Arguments are numbers, or
`buf` (a page of zeros), `ones` (a page of ones), `null` (the path /dev/null), `self` (the pid), `self+` (the pid with noise in
the upper half) and `fs` (where the thread pointer of x86-64 points already).
"""

import ctypes
import errno
import json
import mmap
import os
import platform
import signal
import struct
import sys
import threading
from typing import Any

SECCOMP = {"x86_64": 317, "aarch64": 277}.get(platform.machine(), -1)
PR_SET_NO_NEW_PRIVS, SET_MODE_FILTER = 38, 1
FUTEX = {"x86_64": 202, "aarch64": 98}.get(platform.machine(), -1)
WAIT, WAKE, REQUEUE, PRIVATE = 0, 1, 3, 128
GETPID_INT80 = bytes.fromhex("b814000000cd80c3")  # mov eax, 20; int 0x80; ret

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long


def syscall(number: int, *args: int) -> int:
    """One raw call; raises OSError."""
    result: int = libc.syscall(
        ctypes.c_long(number), *(ctypes.c_ulong(arg & (1 << 64) - 1) for arg in [*args, 0, 0, 0, 0, 0, 0][:6])
    )
    if result == -1:
        raise OSError(ctypes.get_errno(), "")
    return result


def install(code: bytes, pid_at: list[int]) -> None:
    """Puts a filter on this process, with its pid patched in."""
    patched = bytearray(code)
    for offset in pid_at:
        struct.pack_into("<I", patched, offset, os.getpid())
    buffer = ctypes.create_string_buffer(bytes(patched), len(patched))
    fprog = ctypes.create_string_buffer(struct.pack("<HxxxxxxQ", len(patched) // 8, ctypes.addressof(buffer)), 16)
    syscall(SECCOMP, SET_MODE_FILTER, 0, ctypes.addressof(fprog))


def thread() -> None:
    """Starts a thread as libc does, and waits for it."""
    try:
        started = threading.Thread(target=int)
        started.start()
    except RuntimeError:
        raise OSError(errno.EPERM, "") from None  # Python does not say which errno it was
    started.join()


def fork() -> None:
    """Forks as libc does."""
    if os.fork() == 0:
        os._exit(0)


def requeue() -> None:
    """Moves a waiter from one futex to another and wakes it there, as musl's pthread_cond_broadcast does (FUTEX_REQUEUE)."""
    words = ctypes.create_string_buffer(8)
    condition, mutex = ctypes.addressof(words), ctypes.addressof(words) + 4
    waiter = threading.Thread(target=lambda: syscall(FUTEX, condition, WAIT | PRIVATE, 0, 0))
    waiter.start()
    woken = 0
    while not woken:  # it may not wait yet
        syscall(FUTEX, condition, REQUEUE | PRIVATE, 0, 1, mutex)
        woken = syscall(FUTEX, mutex, WAKE | PRIVATE, 1)
    waiter.join()


def damaged_heap() -> None:
    """Gives malloc back what it never gave: glibc says so and aborts."""
    libc.free(ctypes.c_void_p(ctypes.addressof(ctypes.create_string_buffer(64)) | 8))


FUNCTIONS = {"a_thread": thread, "a_fork": fork, "a_requeue": requeue, "a_damaged_heap": damaged_heap}


def prepare(job: dict[str, Any]) -> Any:
    """What is called without arguments to make a job's one call. All that needs memory or files happens here."""
    if job["call"] in FUNCTIONS:
        return FUNCTIONS[job["call"]]
    if job["call"] == "int80":
        page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        page.write(GETPID_INT80)
        return ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    pages = {"buf": b"\0" * 4096, "ones": b"\xff" * 4096, "null": b"/dev/null\0"}
    kept = {name: ctypes.create_string_buffer(page, len(page)) for name, page in pages.items()}
    own = {"self": os.getpid(), "self+": os.getpid() | 0xBAD << 32, "fs": threading.get_ident()}
    args = [own[arg] if arg in own else ctypes.addressof(kept[arg]) if arg in kept else arg for arg in job["args"]]
    call = lambda: syscall(job["call"], *args)  # noqa: E731 keeps `kept` alive
    call.kept = kept  # type: ignore[attr-defined]
    return call


def child(job: dict[str, Any], uid: int | None, report: int) -> None:
    """Does one job and reports one word. Leaves by _exit."""
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    call = prepare(job)
    os.dup2(report, 2)
    me = os.getpid()
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for code, pid_at in job["filters"]:
        install(bytes.fromhex(code), pid_at)
    try:
        call()
        word = "ok"
    except OSError as problem:
        word = errno.errorcode[problem.errno or 0]
    if me == libc.getpid():
        os.write(report, word.encode())
    os._exit(0)


def do(job: dict[str, Any], uid: int | None) -> str:
    """The word for one job."""
    theirs, ours = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            child(job, uid, ours)
        finally:
            os._exit(70)
    os.close(ours)
    word = os.read(theirs, 64).decode()
    os.close(theirs)
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        return ": ".join([signal.Signals(os.WTERMSIG(status)).name, *word.splitlines()])
    return word or "ended"


def main() -> None:
    """Reads the jobs, does them in turn, answers."""
    asked = json.load(sys.stdin)
    json.dump([do(job, asked["uid"]) for job in asked["jobs"]], sys.stdout)


if __name__ == "__main__":
    main()
