"""The container's recipe, as far as it can be tried without an engine: see container/README.md for what this is not."""

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandboxd.jail.syscalls import known_calls
from tests.support.outer import ROOT, sandboxd

HOME = ROOT / "container"
NAMESPACES = ("user", "mount", "pid", "net", "ipc", "uts")


def rules() -> str:
    """What seccomp.json refuses, as the house writes it."""
    profile = json.loads((HOME / "seccomp.json").read_text())
    assert (profile["defaultAction"], profile["defaultErrnoRet"]) == ("SCMP_ACT_ERRNO", 1)
    allowed = {name for group in profile["syscalls"] for name in group["names"] if group["action"] == "SCMP_ACT_ALLOW"}
    assert allowed <= known_calls()
    refused = " ".join(sorted(known_calls() - allowed))
    return f'[[these]]\ncalls = "{refused}"\naction = "EPERM"\nwhy = "seccomp.json does not name them."\n'


@pytest.fixture
def data() -> Iterator[str]:
    """A data directory for the ordinary user; pytest's own are below a folder that is ours alone."""
    with tempfile.TemporaryDirectory(prefix="container") as folder:
        Path(folder).chmod(0o777)
        yield folder


def test_the_jail_is_whole_under_the_profile(data: str) -> None:
    """An ordinary user, without capabilities, with no_new_privs: all layers stand, the canary is stopped, and code runs."""
    told = sandboxd("doctor", "--json", "--data-dir", data, rules=rules())
    assert told.code == 0, told
    found = {each["subject"]: each["text"] for each in json.loads(told.out)}
    assert {found[f"jail: {name}_namespace"] for name in NAMESPACES} == {"enforced"}
    assert found["worker"].startswith("an execution took")
    assert found["canary"] == "17 attempts, all stopped"


def test_the_profile_refuses_what_the_jail_does_not_need() -> None:
    """Other machines' modules, clocks, keys, tracing and the like."""
    allowed = json.loads((HOME / "seccomp.json").read_text())["syscalls"][0]["names"]
    dangerous = {
        "bpf",
        "perf_event_open",
        "ptrace",
        "init_module",
        "kexec_load",
        "keyctl",
        "add_key",
        "userfaultfd",
        "reboot",
        "process_vm_readv",
    }
    assert dangerous & set(allowed) == set()


def test_the_recipe_asks_for_no_privilege() -> None:
    """The image's user is an ordinary one, and the README's options give it nothing but the profile, which is there."""
    assert re.search(r"^USER 10001:10001$", (HOME / "Containerfile").read_text(), re.MULTILINE)
    command = (HOME / "README.md").read_text().split("```")[1]
    assert "--privileged" not in command
    assert "--cap-add" not in command
    assert [(ROOT / file).is_file() for file in re.findall(r"seccomp=(\S+)", command)] == [True]
