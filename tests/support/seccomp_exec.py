"""Becomes another program under filters. A process of its own, single-threaded; standard library only.

    python -I -S seccomp_exec.py JSON PROGRAM ARGUMENTS…

JSON is {"filters": [[hex, [pid offsets]], ...], "listen": descriptor or null, "env": {...}}. With `listen` the one filter gets
a listener; the number that it will have is written to that descriptor before the filter is on, for the supervisor to fetch.
"""

import ctypes
import json
import os
import platform
import struct
import sys

SECCOMP = {"x86_64": 317, "aarch64": 277}[platform.machine()]
PR_SET_NO_NEW_PRIVS, SET_MODE_FILTER, NEW_LISTENER = 38, 1, 8


def main() -> None:
    """See above. Does not return."""
    asked = json.loads(sys.argv[1])
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
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
        if libc.syscall(SECCOMP, SET_MODE_FILTER, flags, fprog) < 0:
            raise OSError(ctypes.get_errno(), "seccomp")
    os.execve(sys.argv[2], sys.argv[2:], asked["env"])


if __name__ == "__main__":
    main()
