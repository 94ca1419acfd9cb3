"""What a fork server is asked, and what its children do before anything is read: a real server, without daemon and launcher."""

import errno
import os
import socket
import time
from pathlib import Path

import pytest

from sandboxd.jail import seccomp
from sandboxd.jail.launcher import EXITED, LAUNCH, LAUNCHED, REFUSED, REQUEST
from sandboxd.policy.model import Policy
from sandboxd.pool.runtime import find_node
from tests.support.node_server import NodeServer, node_server
from tests.support.node_worker import Frames
from tests.support.outer import outer_filter

pytestmark = pytest.mark.skipif(seccomp.host() is None, reason="there is no table of system calls for this architecture")
MOST_CHILDREN = 512
FAILED = 97


def refusing(calls: str) -> bytes:
    """A filter that refuses these calls with EPERM, and allows all others."""
    code, _ = outer_filter(f'[[these]]\ncalls = "{calls}"\naction = "EPERM"\nwhy = "To see what becomes of it."\n')
    return bytes.fromhex(code)


def descriptors(server: NodeServer) -> list[str]:
    """The descriptors of the server."""
    return sorted(path.name for path in Path(f"/proc/{server.process.pid}/fd").iterdir())


def await_descriptors(server: NodeServer, wanted: list[str], seconds: float = 30) -> None:
    """They are closed after the answer was sent."""
    give_up = time.monotonic() + seconds
    while descriptors(server) != wanted and time.monotonic() < give_up:
        time.sleep(0.01)
    assert descriptors(server) == wanted


# ------------------------------------------------------------------ requests

MALFORMED = {
    "too short": (REQUEST.pack(LAUNCH, 1, 0)[:-1], 2),
    "another operation": (REQUEST.pack(LAUNCH + 1, 1, 0), 2),
    "no descriptor": (REQUEST.pack(LAUNCH, 1, 0), 0),
    "one descriptor": (REQUEST.pack(LAUNCH, 1, 0), 1),
}


@pytest.mark.parametrize(("request_", "fds"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_request_is_refused(policy: Policy, request_: bytes, fds: int) -> None:
    """It costs the server neither a process nor a descriptor, and the next request is served."""
    with node_server(find_node(), policy) as server, Path(os.devnull).open("rb") as null:
        assert server.is_ready()
        before = descriptors(server)
        server.ask([null.fileno()] * fds, request_)
        answer = server.answer()
        assert (answer.kind, answer.pid, answer.fds) == (REFUSED, errno.EINVAL, ())
        await_descriptors(server, before)
        child = server.fork()
        assert child.receive() is not None, child.words()
        assert child.run("return 1 + 1")[-1]["value"] == 2


def test_there_is_an_end_to_children(policy: Policy) -> None:
    """One more than there is room for is refused, all others are reported, and then there is room again."""
    with node_server(find_node(), policy) as server:
        assert server.is_ready()
        before = descriptors(server)
        ours, theirs = socket.socketpair()
        _, errors = pipe = os.pipe()
        asked = set()
        for _ in range(MOST_CHILDREN):
            asked.add(server.ask([theirs.fileno(), errors]))  # one channel for all of them: its end is the end of all
            answer = server.answer()
            assert (answer.kind, len(answer.fds)) == (LAUNCHED, 1)
            os.close(answer.fds[0])
        server.ask([theirs.fileno(), errors])
        answer = server.answer()
        assert (answer.kind, answer.pid, answer.fds) == (REFUSED, errno.EAGAIN, ())
        theirs.close()
        ours.settimeout(60)
        assert all(Frames(ours).receive() is not None for _ in asked)  # each is ready
        ours.close()
        answers = [server.answer() for _ in asked]
        assert {(answer.kind, answer.status) for answer in answers} == {(EXITED, 0)}
        assert {answer.id for answer in answers} == asked
        for fd in pipe:
            os.close(fd)
        await_descriptors(server, before)
        child = server.fork()
        assert child.receive() is not None, child.words()


def test_the_end_of_the_control_socket_is_the_end(policy: Policy) -> None:
    """The server leaves by itself, and its children die with it, whatever they do."""
    with node_server(find_node(), policy) as server:
        assert server.is_ready()
        idle, busy = server.fork(), server.fork()
        assert idle.receive() is not None
        assert busy.receive() is not None
        busy.channel.settimeout(60)
        server.control.close()
        assert server.process.wait(60) == 0
        assert [child.receive() for child in (idle, busy)] == [None, None]


# ------------------------------------------------------------------ before the first byte


def test_a_child_without_its_last_filter_reads_nothing(policy: Policy) -> None:
    """It asks by effect whether the filter is on, and ends with these words; what was sent to it lies there unread."""
    with node_server(find_node(), policy, child=refusing("getpgrp")) as server:
        assert server.is_ready()
        child = server.fork(sent=b"x")
        assert server.ended(child) == 1
        with pytest.raises(ConnectionResetError):  # the kernel's word for bytes that were never read
            child.channel.recv(1)
        assert "the last filter is not on" in child.words()


def test_a_child_with_its_last_filter_reads(policy: Policy) -> None:
    """The counterpart, without which the test above would show nothing: the same byte is gone."""
    with node_server(find_node(), policy) as server:
        assert server.is_ready()
        child = server.fork(sent=b"x")
        child.channel.shutdown(socket.SHUT_WR)
        assert server.ended(child) == 0
        ready = child.receive()
        assert ready is not None
        assert ready["type"] == "ready"
        assert child.channel.recv(1) == b""


STEPS = {
    "prctl": (FAILED, "the step life of the server: Operation not permitted"),
    "eventfd2": (FAILED, "the step loop: Operation not permitted"),
    "epoll_create1": (FAILED, "the step loop: Operation not permitted"),
    "close_range": (FAILED, "the step descriptors: Operation not permitted"),
    "prlimit64": (FAILED, "the step memory: Operation not permitted"),
    "landlock_create_ruleset": (1, "landlock_create_ruleset: Operation not permitted"),
    "landlock_restrict_self": (1, "landlock_restrict_self: Operation not permitted"),
    "seccomp": (1, "seccomp: Operation not permitted"),
}


@pytest.mark.parametrize(("call", "code", "words"), [(call, *row) for call, row in STEPS.items()], ids=STEPS)
def test_a_step_that_fails_ends_the_child_with_its_name(policy: Policy, call: str, code: int, words: str) -> None:
    """On its own stderr, before it reads anything; the server goes on."""
    with node_server(find_node(), policy, server=refusing(call)) as server:
        assert server.is_ready()
        for _ in range(2):
            child = server.fork(data_bytes=1 << 40, sent=b"x")
            assert server.ended(child) == code
            assert words in child.words()
            with pytest.raises(ConnectionResetError):
                child.channel.recv(1)


# ------------------------------------------------------------------ before the server itself is ready


def test_a_descriptor_of_an_unknown_kind_refuses_the_start(policy: Policy, tmp_path: Path) -> None:
    """Whoever starts a server with something open that a child could not replace is told its number."""
    (tmp_path / "open").touch()
    held = os.open(tmp_path / "open", os.O_RDONLY)
    try:
        with node_server(find_node(), policy, inherited=held) as server:
            assert not server.is_ready()
            assert server.process.wait(60) == 1
            assert server.process.stderr is not None
            assert "descriptor 4 (mode 100644) is of a kind that no child could replace" in server.process.stderr.read()
    finally:
        os.close(held)


def test_a_descriptor_of_a_known_kind_is_none_of_the_loops(policy: Policy) -> None:
    """A pipe that somebody else made is not one of Node's, though it looks like one."""
    read_end, write_end = os.pipe()
    try:
        with node_server(find_node(), policy, inherited=read_end) as server:
            assert not server.is_ready()
            assert server.process.wait(60) == 1
    finally:
        os.close(read_end)
        os.close(write_end)
