"""Namespaces and the private root. Standard library only; the launcher enters them once and its workers are born inside."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sandboxd.jail import kernel

FLAGS: Final = {"mnt": 0x20000, "uts": 0x4000000, "ipc": 0x8000000, "user": 0x10000000, "pid": 0x20000000, "net": 0x40000000}
_LOCKED: Final = {  # mount flags that a user namespace may not take away, apart from those that every mount gets
    os.ST_NODEV: kernel.MS_NODEV,
    os.ST_NOEXEC: kernel.MS_NOEXEC,
}


def enter_user_namespace() -> None:
    """A user namespace that maps this one user and group to themselves: all capabilities, over nothing of the host's."""
    uid, gid = os.geteuid(), os.getegid()
    kernel.unshare(FLAGS["user"])
    for file, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        Path(f"/proc/self/{file}").write_text(text)


def make_root(mount_point: str, binds: Sequence[tuple[str, str]]) -> None:
    """Becomes a root with nothing in it but `binds` (source outside, target inside), all of it read-only.

    Needs a mount namespace of its own. The sources are opened before anything is mounted, so that neither the mount point
    nor a changed path can hide one.
    """
    kernel.mount(None, "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    opened = [(os.open(source, os.O_PATH), source, target) for source, target in binds]
    options = f"size=64k,nr_inodes={64 + 8 * len(binds)},mode=0755"
    kernel.mount("tmpfs", mount_point, "tmpfs", 0, options)
    for descriptor, source, target in opened:
        inside, outside = Path(mount_point + target), Path(f"/proc/self/fd/{descriptor}")
        inside.parent.mkdir(parents=True, exist_ok=True)
        inside.mkdir() if outside.is_dir() else inside.touch(0o444)
        kernel.mount(str(outside), str(inside), None, kernel.MS_BIND)
        device = source.startswith("/dev/")
        kernel.mount(None, str(inside), None, kernel.MS_BIND | kernel.MS_REMOUNT | _strictest(inside, device))
        os.close(descriptor)
    kernel.mount(None, mount_point, None, kernel.MS_REMOUNT | kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV)
    kernel.become_root(mount_point)


def _strictest(path: Path, device: bool) -> int:
    had = os.statvfs(path).f_flag
    kept = sum(flag for seen, flag in _LOCKED.items() if had & seen)
    return kept | kernel.MS_RDONLY | kernel.MS_NOSUID | (0 if device else kernel.MS_NODEV)
