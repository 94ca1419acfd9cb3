"""Where our own cgroup is mounted, read from what the kernel writes."""

from pathlib import Path

import pytest

from sandboxd.jail.delegation import NoSubtree, locate

ROOT = "30 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev shared:4 - cgroup2 cgroup2 rw,nsdelegate"
HYBRID = "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw"
VERSION_1 = "33 31 0:30 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory"
READ_ONLY = "30 23 0:26 / /sys/fs/cgroup ro,nosuid - cgroup2 cgroup2 rw"
SERVICE = "99 30 0:26 /a.slice/b.service /sys/fs/cgroup/a.slice/b.service rw,nosuid - cgroup2 cgroup2 rw"


@pytest.mark.parametrize(
    ("mounts", "own", "folder"),
    [
        ([ROOT], "0::/a.slice/b.service", "/sys/fs/cgroup/a.slice/b.service"),
        ([ROOT], "0::/", "/sys/fs/cgroup"),
        ([VERSION_1, HYBRID], "4:memory:/x\n0::/y", "/sys/fs/cgroup/unified/y"),
        ([READ_ONLY, SERVICE], "0::/a.slice/b.service", "/sys/fs/cgroup/a.slice/b.service"),
        ([SERVICE], "0::/a.slice/b.service/c", "/sys/fs/cgroup/a.slice/b.service/c"),
    ],
)
def test_our_own_cgroup_is_found(mounts: list[str], own: str, folder: str) -> None:
    """Below the mount that shows it, the innermost if there are several."""
    assert locate("\n".join(mounts), f"{own}\n") == Path(folder)


@pytest.mark.parametrize(
    ("mounts", "own"),
    [
        ([VERSION_1], "4:memory:/x"),
        ([VERSION_1], "4:memory:/x\n0::/y"),
        ([], "0::/"),
        ([ROOT], "0::/../other"),
        ([SERVICE], "0::/a.slice/b.service.d"),
    ],
)
def test_one_that_no_mount_shows_is_none(mounts: list[str], own: str) -> None:
    """Version 1, no mount, or a process outside of its namespace or of what is mounted."""
    with pytest.raises(NoSubtree, match="no cgroup v2 hierarchy with this process in it"):
        locate("\n".join(mounts), f"{own}\n")
