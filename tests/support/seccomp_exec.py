"""Becomes another program under filters. A process of its own, single-threaded; standard library only.

    python -I -S seccomp_exec.py JSON PROGRAM ARGUMENTS…

JSON is {"filters": [[hex, [pid offsets]], ...], "listen": descriptor or null, "env": {...}}. With `listen` the one filter gets
a listener; the number that it will have is written to that descriptor before the filter is on, for the supervisor to fetch.
With "vdso": false the program finds no vDSO, as on a machine whose clock cannot be read without the kernel (vdso(7)).
"""

import ctypes
import json
import os
import platform
import struct
import sys
from pathlib import Path

SECCOMP = {"x86_64": 317, "aarch64": 277}[platform.machine()]
PR_SET_NO_NEW_PRIVS, SET_MODE_FILTER, NEW_LISTENER = 38, 1, 8
SEIZE, CONT, DETACH, TRACE_EXEC, EVENT_EXEC, PR_SET_PTRACER = 0x4206, 7, 17, 0x10, 4, 0x59616D61
AT_NULL, AT_IGNORE, AT_SYSINFO_EHDR = 0, 1, 33


def forget_the_vdso(pid: int) -> None:
    """Makes a process that has just become a program, and is stopped there, one that was told of no vDSO."""
    process = Path(f"/proc/{pid}")
    place = int((process / "syscall").read_text().split()[-2], 16)  # top of the stack: argc, argv, 0, environment, 0, auxv
    with (process / "mem").open("r+b", buffering=0) as memory:

        def word() -> int:
            nonlocal place
            memory.seek(place)
            place += 8
            (value,) = struct.unpack("Q", memory.read(8))
            return int(value)

        word()
        for _ in ("argv", "environment"):
            while word():
                pass
        while (key := word()) not in (AT_NULL, AT_SYSINFO_EHDR):
            place += 8
        if key == AT_SYSINFO_EHDR:
            memory.seek(place - 8)
            memory.write(struct.pack("Q", AT_IGNORE))


def watched(libc: ctypes.CDLL) -> None:
    """Goes on with a process behind us that waits until we become a program, and then ends."""
    pid, (ready, told) = os.getpid(), os.pipe()
    libc.prctl(PR_SET_PTRACER, ctypes.c_ulong(-1))  # where Yama is: whoever asks may trace us
    if (parent := os.fork()) == 0:
        if os.fork() == 0:
            libc.ptrace(SEIZE, pid, None, ctypes.c_void_p(TRACE_EXEC))
            os.close(told)
            while (stopped := os.waitpid(pid, 0)[1]) >> 16 != EVENT_EXEC:
                libc.ptrace(CONT, pid, None, ctypes.c_void_p(os.WSTOPSIG(stopped)))  # a signal: it gets it
            forget_the_vdso(pid)
            libc.ptrace(DETACH, pid, None, None)
        os._exit(0)
    os.waitpid(parent, 0)
    os.close(told)
    os.read(ready, 1)
    os.close(ready)


def main() -> None:
    """See above. Does not return."""
    asked = json.loads(sys.argv[1])
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if not asked.get("vdso", True):
        watched(libc)
    listen = asked["listen"]
    flags = 0 if listen is None else NEW_LISTENER
    for text, pid_at in asked["filters"]:
        code = bytearray.fromhex(text)
        for offset in pid_at:
            struct.pack_into("<I", code, offset, os.getpid())
        buffer = ctypes.create_string_buffer(bytes(code), len(code))
        fprog = ctypes.create_string_buffer(struct.pack("<HxxxxxxQ", len(code) // 8, ctypes.addressof(buffer)), 16)
        if listen is not None:
            free = os.dup(listen)
            os.write(listen, struct.pack("<i", free))
            os.close(free)  # the lowest free number: the listener gets it
            os.set_inheritable(listen, False)
        if libc.syscall(SECCOMP, SET_MODE_FILTER, flags, fprog) < 0:
            raise OSError(ctypes.get_errno(), "seccomp")
    os.execve(sys.argv[2], sys.argv[2:], asked["env"])


if __name__ == "__main__":
    main()
