"""The system calls that confinement is made of. Standard library only: this runs in the launcher, between fork and exec.

Every function raises OSError with its own name in the text; none of them decides anything.
"""

import ctypes
import os
import platform
import struct
from typing import Final

_libc: Final = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long

# Calls that glibc does not wrap, by machine. Landlock's numbers are the same everywhere.
_NUMBERS: Final = {
    "x86_64": {"pivot_root": 155, "clone": 56, "seccomp": 317},
    "aarch64": {"pivot_root": 41, "clone": 220, "seccomp": 277},
}
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446

PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 24, 38
SECCOMP_SET_MODE_FILTER, SIGCHLD = 1, 17
CAPABILITY_VERSION_3: Final = 0x20080522

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
MNT_DETACH: Final = 2


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def _syscall(what: str, number: int, *arguments: int | bytes | ctypes.Array[ctypes.c_char] | None) -> int:
    passed = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    return _checked(_libc.syscall(ctypes.c_long(number), *passed), what)


def prctl(what: str, option: int, *arguments: int) -> int:
    """prctl(2); `what` is the name of the option, for the error."""
    filled = [ctypes.c_ulong(each) for each in (*arguments, 0, 0, 0, 0)[:4]]
    return _checked(_libc.prctl(option, *filled), f"prctl({what})")


def unshare(flags: int) -> None:
    """unshare(2)."""
    _checked(_libc.unshare(flags), f"unshare({flags:#x})")


def fork_into(flags: int) -> int:
    """fork(2) into new namespaces: clone(2) without a stack of its own. 0 in the child, like fork."""
    return _syscall("clone", _NUMBERS[platform.machine()]["clone"], flags | SIGCHLD, 0, 0, 0, 0)


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str = "") -> None:
    """mount(2)."""
    texts = [text.encode() if text is not None else None for text in (source, target, kind)]
    result = _libc.mount(*texts, ctypes.c_ulong(flags), data.encode())
    _checked(result, f"mount({source or kind or 'flags'} on {target})")


def become_root(directory: str) -> None:
    """Makes `directory`, a mount point, the root of this mount namespace and our own place, and drops the old root."""
    os.chdir(directory)
    _syscall("pivot_root", _NUMBERS[platform.machine()]["pivot_root"], b".", b".")
    _checked(_libc.umount2(b".", MNT_DETACH), "umount2(the old root)")


def empty_capabilities() -> None:
    """No permitted, effective or inheritable capability from here on, and so no ambient one (capabilities(7))."""
    header = ctypes.create_string_buffer(struct.pack("=Ii", CAPABILITY_VERSION_3, 0))
    _checked(_libc.capset(header, ctypes.create_string_buffer(24)), "capset")


def install_filter(program: bytes) -> None:
    """Installs a seccomp filter on this thread: `program` is an array of struct sock_filter."""
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
    number = _NUMBERS[platform.machine()]["seccomp"]  # not prctl, which the boot filter keeps from installing another
    _syscall("seccomp", number, SECCOMP_SET_MODE_FILTER, 0, ctypes.create_string_buffer(header, len(header)))


def landlock_abi() -> int:
    """The kernel's Landlock version; raises OSError where there is none."""
    return _syscall("landlock_create_ruleset", LANDLOCK_CREATE_RULESET, None, 0, 1)


def landlock_ruleset(attributes: bytes) -> int:
    """A descriptor for a new ruleset, closed on exec; `attributes` is struct landlock_ruleset_attr."""
    return _syscall("landlock_create_ruleset", LANDLOCK_CREATE_RULESET, attributes, len(attributes), 0)


def landlock_allow(ruleset: int, path: str, access: int) -> None:
    """Allows `access` below `path`."""
    descriptor = os.open(path, os.O_PATH)
    try:
        _syscall(f"landlock_add_rule({path})", LANDLOCK_ADD_RULE, ruleset, 1, struct.pack("=Qi", access, descriptor), 0)
    finally:
        os.close(descriptor)


def landlock_restrict(ruleset: int) -> None:
    """This thread, and what it forks, may from now on do only what the ruleset allows. Needs no_new_privs."""
    _syscall("landlock_restrict_self", LANDLOCK_RESTRICT_SELF, ruleset, 0)
