"""Workers in one of the privilege modes, in a process of its own that gives up what the mode does not have.

    python jail_mode.py MODE JSON

MODE is R (root), U (an ordinary user) or N (an ordinary user, and a filter around everything that answers EPERM to whoever asks
for a namespace). JSON is {"job": module, "deny": [call numbers], "errno": n, "user": uid, …}: the module's `run` is given all
of it once the process has become what the mode says. Printed is one JSON document: what the job found, or the error that kept
the engine from starting and the layers.
"""

import ctypes
import json
import os
import struct
import sys
from importlib import import_module
from typing import Any

USER = 54_321
NAMESPACES = 0x7E02_0000  # all CLONE_NEW* but CLONE_NEWTIME, which clone(2) cannot ask for
LOAD, EQUAL, ANY_BIT, RETURN = 0x20, 0x15, 0x45, 0x06
ALLOW, ERRNO = 0x7FFF_0000, 0x0005_0000
CALLS = {"x86_64": (272, 56, 317), "aarch64": (97, 220, 277)}[os.uname().machine]  # unshare, clone, seccomp
PROBES = "tests.support.jail_probes"


def _install(program: list[tuple[int, int, int, int]]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    code = b"".join(struct.pack("<HBBI", *one) for one in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = ctypes.create_string_buffer(struct.pack("<HxxxxxxQ", len(program), ctypes.addressof(buffer)), 16)
    libc.prctl(38, 1, 0, 0, 0)
    if libc.syscall(CALLS[2], 1, 0, header) < 0:
        raise OSError(ctypes.get_errno(), "seccomp")


def deny(numbers: list[int], errno: int) -> None:
    """These calls, and clone with a namespace where unshare is among them, are answered with an errno from here on."""
    unshare, clone, _ = CALLS
    for number in numbers:
        _install([(LOAD, 0, 0, 0), (EQUAL, 0, 1, number), (RETURN, 0, 0, ERRNO | errno), (RETURN, 0, 0, ALLOW)])
    if unshare in numbers:
        flags = [(LOAD, 0, 0, 16), (ANY_BIT, 0, 1, NAMESPACES), (RETURN, 0, 0, ERRNO | errno), (RETURN, 0, 0, ALLOW)]
        _install([(LOAD, 0, 0, 0), (EQUAL, 0, 3, clone), *flags])


def give_up(mode: str, asked: dict[str, Any]) -> None:
    """Becomes what the mode says, and starts again as that: exec makes /proc/self our own."""
    if mode != "R" and os.geteuid() == 0:
        user = asked.get("user", USER)
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    deny([CALLS[0]] if mode == "N" else asked.get("deny", []), asked.get("errno", 1))
    os.execve(sys.executable, [sys.executable, __file__, mode, sys.argv[2], "given up"], dict(os.environ))


def main() -> None:
    """See above."""
    mode, asked = sys.argv[1], json.loads(sys.argv[2])
    if len(sys.argv) == 3:
        give_up(mode, asked)
    import trio

    from sandboxd.errors import JailError
    from sandboxd.logs import set_up_logging

    set_up_logging()  # on stderr: what is said on stdout is JSON
    told: dict[str, Any] = {}
    try:
        told = trio.run(import_module(asked.get("job", PROBES)).run, asked)
    except* JailError as group:
        error: Any = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        told = {"error": error.message, "layers": {layer.name: layer.state for layer in error.findings}}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
