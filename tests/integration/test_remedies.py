"""What `doctor` and `serve` advise where something takes a layer away: provoked, or simulated by a filter around the daemon."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import policies
from sandboxd.jail.layers import ALONE, FILTERED, ROOT, USER, remedy
from sandboxd.pool.runtime import find_node
from tests.support.cli import Ended
from tests.support.outer import sandboxd

NAMESPACES = ["mount_namespace", "pid_namespace", "net_namespace", "ipc_namespace", "uts_namespace"]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="it is about a daemon that is root")

# As moby's default profile, for a container without CAP_SYS_ADMIN, where the kernel is asked for namespaces and mounts.
DOCKER = """
[[these]]
calls = "unshare setns mount umount2 pivot_root"
action = "EPERM"
why = "Docker's default profile keeps these for CAP_SYS_ADMIN."

[[these]]
calls = "clone"
action = "allow"
when = [{ arg = 0, what = "flags", mask = 0x7E02_0000, eq = 0 }]
why = "Only without a new namespace; the rest is answered EPERM."

[[these]]
calls = "clone3"
action = "ENOSYS"
why = "Its flags cannot be read; libc falls back to clone."
"""
# The kernel lets only CAP_SYS_ADMIN open setgroups for writing, and AppArmor takes it away. Nothing else is opened like
# this here: 0x241 is O_WRONLY | O_CREAT | O_TRUNC.
APPARMOR = """
[[these]]
calls = "openat"
action = "EACCES"
when = [{ arg = 2, what = "flags", bits = 32, mask = "O_ACCMODE O_CREAT O_TRUNC", eq = 0x241 }]
why = "The user namespace is made, and its setgroups cannot be opened."

[[these]]
calls = "openat"
action = "allow"
why = "All other files are opened."
"""
NO_MOUNT = """
[[these]]
calls = "mount"
action = "EACCES"
why = "AppArmor's rules for mounts answer with it."
"""


@pytest.fixture
def data() -> Iterator[str]:
    """A data directory that everybody can use; pytest's own are below a folder that is ours alone."""
    folder = Path(tempfile.mkdtemp(prefix="remedies"))
    folder.chmod(0o777)
    yield str(folder)
    shutil.rmtree(folder)


def refused(ended: Ended) -> dict[str, str]:
    """What doctor found wrong with the jail: text and remedy by layer."""
    assert ended.code == 1, ended
    lines = (line.removeprefix("NOT jail: ") for line in ended.out.splitlines() if line.startswith("NOT jail: "))
    return {name: rest for name, _, rest in (line.partition(": ") for line in lines)}


def agree(told: dict[str, str], served: Ended) -> None:
    """`serve` refuses to start, with the same layers and the same advice."""
    assert served.code == 2, served
    for name, rest in told.items():
        said, _, advice = rest.removeprefix("impossible here: ").partition("; ")
        assert f"  {name}: {said}\n" in served.err
        assert f"  {advice}.\n" in served.err
    assert "relax = [" in served.err


def both(data: str, **how: object) -> dict[str, str]:
    """What doctor found wrong, after serve has said the same."""
    told = refused(sandboxd("doctor", "--data-dir", data, **how))  # type: ignore[arg-type]
    agree(told, sandboxd("serve", "--bind", "127.0.0.1:0", "--data-dir", data, **how))  # type: ignore[arg-type]
    return told


def test_dockers_default_profile(data: str) -> None:
    """As an ordinary user: the user namespace has the remedy, and the others need it."""
    told = both(data, rules=DOCKER)
    assert list(told) == ["user_namespace", *NAMESPACES]
    first = told.pop("user_namespace")
    for part in ("unshare(0x10000000): Operation not permitted (EPERM)", "Docker", "--security-opt seccomp="):
        assert part in first
    assert all(rest.endswith("; It needs the user namespace") for rest in told.values())


@as_root
def test_dockers_default_profile_for_root(data: str) -> None:
    """With the capabilities of a container: every namespace has the remedy, and what else is told holds."""
    told = both(data, root=True, rules=DOCKER, drop=["sys_admin", "sys_ptrace", "sys_resource", "net_admin"])
    assert list(told) == NAMESPACES
    assert all("(EPERM); " in rest and "--cap-add SYS_ADMIN" in rest for rest in told.values())


@as_root
def test_a_root_without_its_capabilities(data: str) -> None:
    """Without a filter around it, it is the capability that is missing."""
    told = both(data, root=True, drop=["sys_admin"])
    assert list(told) == NAMESPACES
    assert all("CAP_SYS_ADMIN, which this root lacks" in rest for rest in told.values())


@as_root
def test_a_root_that_may_not_look_at_other_processes(data: str) -> None:
    """Attestation reads what it may: workers are attested by their status alone."""
    told = sandboxd("doctor", "--data-dir", data, root=True, drop=["sys_ptrace"])
    assert told.code == 0, told.out


def test_apparmors_restriction_of_user_namespaces(data: str) -> None:
    """The namespace is made and has no rights: the sysctl and the profile are named."""
    told = both(data, rules=APPARMOR)
    for part in ("Permission denied: /proc/self/setgroups (EACCES)", "apparmor_restrict_unprivileged_userns=0", "`userns,`"):
        assert part in told["user_namespace"]
    assert list(told) == ["user_namespace", *NAMESPACES]


def test_mounts_that_are_refused(data: str) -> None:
    """In a container whose AppArmor profile refuses mounts only the private root is missing, and the option is named."""
    told = both(data, rules=NO_MOUNT)
    assert list(told) == ["mount_namespace"]
    assert "mount(flags on /): Permission denied (EACCES)" in told["mount_namespace"]
    assert "apparmor=unconfined" in told["mount_namespace"]


# ------------------------------------------------------------------ a Node below a folder like /root


@pytest.fixture
def private_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Node that its owner alone can reach."""
    folder = tmp_path_factory.mktemp("private")
    folder.chmod(0o700)
    shutil.copy2(find_node().path, folder / "node")
    yield str(folder / "node")
    shutil.rmtree(folder)


@as_root
def test_an_ordinary_user_is_told_that_he_cannot_reach_the_node(data: str, private_node: str) -> None:
    """The path, who cannot execute it, and where to put one; before any worker is made."""
    told = sandboxd("doctor", "--data-dir", data, SANDBOXD_NODE=private_node)
    assert told.code == 1
    line = next(line for line in told.out.splitlines() if line.startswith("NOT node: "))
    for part in (private_node, "not an executable file for uid 54321", "0700"):
        assert part in line


@as_root
def test_root_with_a_private_root_needs_no_readable_node(data: str, private_node: str) -> None:
    """Its workers, who are nobody, find it bound into their root."""
    assert sandboxd("doctor", "--data-dir", data, root=True, SANDBOXD_NODE=private_node).code == 0


@as_root
def test_root_without_a_private_root_needs_a_readable_node(data: str, private_node: str, tmp_path: Path) -> None:
    """With the namespaces relaxed the worker's own user has to reach it: the layer, the path and the folder are named."""
    home, config = tmp_path / "policies", tmp_path / "sandboxd.toml"
    shutil.copytree(policies.HOME, home)
    file = home / "profiles/code-nodes.toml"
    text = file.read_text()
    assert text.count("relax = []") == 1
    file.write_text(text.replace("relax = []", f"relax = {NAMESPACES}"))
    config.write_text(f'policies = "{home}"\ndoors = ["code-nodes"]\n')
    told = both(data, root=True, rules=DOCKER, SANDBOXD_NODE=private_node, SANDBOXD_CONFIG=str(config))
    assert list(told) == ["landlock"]
    assert f"Permission denied: {private_node} (EACCES); " in told["landlock"]
    assert "(0700)" in told["landlock"]


# ------------------------------------------------------------------ the table


@pytest.mark.parametrize(
    ("layer", "errno", "text", "who", "word"),
    [
        ("user_namespace", "EPERM", "unshare(0x10000000): x", USER, "unprivileged_userns_clone"),
        ("user_namespace", "EPERM", "unshare(0x10000000): x", FILTERED, "Docker"),
        ("user_namespace", "ENOSPC", "unshare(0x10000000): x", USER, "max_user_namespaces"),
        ("user_namespace", "EACCES", "unshare(0x10000000): x", USER, "AppArmor"),
        ("user_namespace", "EPERM", "Operation not permitted: /proc/self/uid_map", USER, "AppArmor"),
        ("user_namespace", "EACCES", "Permission denied: /proc/self/setgroups", USER, "AppArmor"),
        ("mount_namespace", "EACCES", "mount(flags on /): Permission denied", USER, "AppArmor"),
        ("mount_namespace", "EACCES", "mount(flags on /): Permission denied", FILTERED, "apparmor=unconfined"),
        ("mount_namespace", "EACCES", "Permission denied: /root/node", USER, "0700"),
        ("mount_namespace", "EPERM", "unshare(0x20000): Operation not permitted", ROOT, "CAP_SYS_ADMIN"),
        ("mount_namespace", "EOVERFLOW", "Value too large: /tmp/node", ALONE, "needs the user namespace"),
        ("landlock", "ENOSYS", "landlock_create_ruleset: x", USER, "5.13"),
        ("seccomp_boot", "ENOSYS", "seccomp: x", USER, "CONFIG_SECCOMP_FILTER"),
        ("net_namespace", "ENOSPC", "unshare", ROOT, "user.max_"),
        ("uts_namespace", "EIO", "unshare", USER, "kernel lacks it"),
    ],
)
def test_every_known_cause_has_its_remedy(layer: str, errno: str, text: str, who: str, word: str) -> None:
    """What the kernel said, and to whom, leads to what the operator can do."""
    assert word in remedy(layer, errno, text, who)
