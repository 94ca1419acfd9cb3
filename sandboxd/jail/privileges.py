"""Giving up privileges, for good. Standard library only; in this order, because each step needs what the next one drops."""

import os
import signal

from sandboxd.jail import kernel

_EINVAL = 22


def drop_bounding_set() -> None:
    """No exec can give a capability back. Needs CAP_SETPCAP."""
    for capability in range(64):
        try:
            kernel.prctl("PR_CAPBSET_DROP", kernel.PR_CAPBSET_DROP, capability)
        except OSError as problem:
            if problem.errno == _EINVAL:  # past the kernel's last one
                return
            raise


def become(uid: int) -> None:
    """Another user and group, and no others. Needs CAP_SETUID and CAP_SETGID; sets PDEATHSIG again, which this clears."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    die_with_parent()


def die_with_parent() -> None:
    """SIGKILL when the thread that made us ends."""
    kernel.prctl("PR_SET_PDEATHSIG", kernel.PR_SET_PDEATHSIG, signal.SIGKILL)


def no_new_privileges() -> None:
    """No exec raises privileges any more; seccomp and Landlock ask for it."""
    kernel.prctl("PR_SET_NO_NEW_PRIVS", kernel.PR_SET_NO_NEW_PRIVS, 1)
