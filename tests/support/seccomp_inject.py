"""Puts a filter on a worker that already runs, as its native module will: all threads at once, after `ready`. x86-64 only.

The worker is blocked in read() on its channel. ptrace makes its main thread call seccomp(SET_MODE_FILTER, TSYNC) instead, once,
and lets the read go on as if it had been interrupted by a signal.
"""

import ctypes
import os
import signal
import struct
import time
from pathlib import Path
from typing import Final

SEIZE, INTERRUPT, GETREGS, SETREGS, SINGLESTEP, DETACH = 0x4206, 0x4207, 12, 13, 9, 17
SECCOMP, SET_MODE_FILTER, TSYNC = 317, 1, 1
READ, CHANNEL = 0, 3
ERESTARTSYS: Final = 512
RED_ZONE: Final = 128
_ORDER: Final = (
    "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base ds es fs gs"
)
REGISTERS: Final = tuple(_ORDER.split())
USER_REGS: Final = struct.Struct(f"<{len(REGISTERS)}Q")
WALL: Final = 0x4000_0000

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.restype = ctypes.c_long


def _ptrace(request: int, pid: int, data: object = None) -> None:
    if _libc.ptrace(ctypes.c_long(request), ctypes.c_long(pid), None, data) < 0:
        raise OSError(ctypes.get_errno(), f"ptrace request {request:#x}")


def _wait_for_read(pid: int, seconds: float = 20) -> None:
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        now = Path(f"/proc/{pid}/syscall").read_text().split()
        if now[:2] == [str(READ), hex(CHANNEL)]:
            return
        time.sleep(0.002)
    raise AssertionError("the worker does not wait for its request")


def _registers(pid: int) -> dict[str, int]:
    buffer = ctypes.create_string_buffer(USER_REGS.size)
    _ptrace(GETREGS, pid, buffer)
    return dict(zip(REGISTERS, USER_REGS.unpack(buffer.raw), strict=True))


def _set_registers(pid: int, registers: dict[str, int]) -> None:
    _ptrace(SETREGS, pid, ctypes.create_string_buffer(USER_REGS.pack(*registers.values()), USER_REGS.size))


def inject_filter(pid: int, code: bytes) -> int:
    """Makes the worker install a filter on all of its threads. Returns what seccomp() returned: 0, or minus an errno.

    Raises ChildProcessError with the signal's name when the worker died of it.
    """
    _wait_for_read(pid)
    _ptrace(SEIZE, pid)
    _ptrace(INTERRUPT, pid)
    os.waitpid(pid, WALL)
    before = _registers(pid)
    assert before["orig_rax"] == READ, "interrupted elsewhere"
    assert before["rax"] == (1 << 64) - ERESTARTSYS, "the read has not been interrupted"
    place = (before["rsp"] - RED_ZONE - len(code) - 64) & ~15
    with Path(f"/proc/{pid}/mem").open("r+b", buffering=0) as memory:
        memory.seek(place)
        memory.write(struct.pack("<HxxxxxxQ", len(code) // 8, place + 16) + code)
    call = {"rax": SECCOMP, "rdi": SET_MODE_FILTER, "rsi": TSYNC, "rdx": place}
    _set_registers(pid, {**before, **call, "rip": before["rip"] - 2, "orig_rax": (1 << 64) - 1})
    _ptrace(SINGLESTEP, pid)
    _, status = os.waitpid(pid, WALL)
    if os.WIFSIGNALED(status):
        raise ChildProcessError(f"the worker was ended by {signal.Signals(os.WTERMSIG(status)).name}")
    result = _registers(pid)["rax"]
    _set_registers(pid, before)
    _ptrace(DETACH, pid)
    return result - (1 << 64) if result >> 63 else result
