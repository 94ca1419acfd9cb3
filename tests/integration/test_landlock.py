"""Landlock alone, without the filters in front of it: what it denies in the kernel, and what it is asked for by version."""

import errno
import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from sandboxd.jail import kernel, landlock, privileges


def abi() -> int:
    """The kernel's version of Landlock; 0 without."""
    try:
        return kernel.landlock_abi()
    except OSError:
        return 0


def answer(deed: Callable[[], object], rules: list[tuple[str, str, bool]]) -> str:
    """What a deed gives in a process that may only do what the rules allow: `done`, or the errno's name."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            privileges.no_new_privileges()
            landlock.restrict(rules, abi())
            try:
                deed()
                word = "done"
            except OSError as problem:
                word = errno.errorcode[problem.errno or 0]
            os.write(write_end, word.encode())
        finally:
            os._exit(0)
    os.close(write_end)
    word = os.read(read_end, 64).decode()
    os.close(read_end)
    os.waitpid(pid, 0)
    return word


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file, a program, a folder, and a file beside it."""
    inside = tmp_path / "inside"
    (inside / "deeper").mkdir(parents=True)
    (inside / "file").write_text("text")
    (inside / "program").write_text("#!/bin/sh\n")
    (inside / "program").chmod(0o755)
    (tmp_path / "beside").write_text("secret")
    return inside


DEEDS: dict[str, tuple[int, str, Callable[[Path], object]]] = {
    "read beside": (1, "EACCES", lambda at: (at.parent / "beside").read_text()),
    "list beside": (1, "EACCES", lambda at: list(at.parent.iterdir())),
    "write": (1, "EACCES", lambda at: (at / "file").open("r+")),
    "make a file": (1, "EACCES", lambda at: (at / "new").touch()),
    "make a folder": (1, "EACCES", lambda at: (at / "new").mkdir()),
    "make a pipe": (1, "EACCES", lambda at: os.mkfifo(at / "new")),
    "make a link": (1, "EACCES", lambda at: (at / "new").symlink_to("file")),
    "make a socket": (1, "EACCES", lambda at: socket.socket(socket.AF_UNIX).bind(str(at / "new"))),
    "remove a file": (1, "EACCES", lambda at: (at / "file").unlink()),
    "remove a folder": (1, "EACCES", lambda at: (at / "deeper").rmdir()),
    "execute": (1, "EACCES", lambda at: os.execv(at / "program", ["program"])),
    "truncate": (3, "EACCES", lambda at: os.truncate(at / "file", 0)),
    "bind a port": (4, "EACCES", lambda _: socket.socket().bind(("127.0.0.1", 0))),
    "connect": (4, "EACCES", lambda _: socket.socket().connect(("127.0.0.1", 9))),
    "signal its parent": (6, "EPERM", lambda _: os.kill(os.getppid(), 0)),
}


@pytest.mark.parametrize("what", DEEDS)
def test_what_is_denied(folder: Path, what: str) -> None:
    """With a rule to read one folder all else is denied, whoever asks."""
    since, refusal, deed = DEEDS[what]
    if abi() < since:
        pytest.skip(f"Landlock refuses this since version {since}, and this kernel has {abi()}")
    assert answer(lambda: deed(folder), [(str(folder), "read", True)]) == refusal


def test_what_is_allowed(folder: Path) -> None:
    """Each kind of rule allows what it is for."""
    assert answer(lambda: ((folder / "file").read_text(), list(folder.iterdir())), [(str(folder), "read", True)]) == "done"
    assert answer(lambda: (folder / "file").open("r+"), [(str(folder / "file"), "read-write", False)]) == "done"
    assert answer(lambda: os.kill(os.getpid(), 0), []) == "done"


def test_a_file_moves_nowhere(folder: Path) -> None:
    """Not even between two folders that may be written: REFER, denied since version 2, and before that always."""
    assert answer(lambda: (folder / "file").rename(folder / "deeper/file"), [(str(folder), "read", True)]) in (
        "EACCES",
        "EXDEV",
    )


@pytest.mark.skipif(abi() < 5, reason=f"Landlock refuses ioctl since version 5, and this kernel has {abi()}")
def test_a_device_gets_no_orders() -> None:
    """A device that may be read and written still takes no ioctl of its driver."""
    import fcntl

    def order() -> None:
        with open("/dev/ptmx", "rb+", buffering=0) as device:  # noqa: PTH123
            fcntl.ioctl(device, 0x80045430, bytes(4))  # TIOCGPTN

    assert answer(order, []) == "EACCES"
    assert answer(order, [("/dev", "read-write", True)]) == "EACCES"


@pytest.mark.skipif(abi() < 6, reason=f"Landlock has scopes since version 6, and this kernel has {abi()}")
def test_an_abstract_socket_outside_is_out_of_reach() -> None:
    """Sockets without a path are no file; the scope denies them."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(b"\0sandboxd-test-%d" % os.getpid())
        listener.listen()
        name = listener.getsockname()
        assert answer(lambda: socket.socket(socket.AF_UNIX).connect(name), []) == "EPERM"


@pytest.mark.parametrize(
    ("version", "fields"),
    [
        (1, [0x1FFF]),
        (2, [0x3FFF]),
        (3, [0x7FFF]),
        (4, [0x7FFF, 3]),
        (5, [0xFFFF, 3]),
        (6, [0xFFFF, 3, 3]),
        (7, [0xFFFF, 3, 3]),
    ],
)
def test_each_version_is_asked_for_all_that_it_knows(version: int, fields: list[int]) -> None:
    """The bits of include/uapi/linux/landlock.h, version by version; one too many and the kernel refuses them all."""
    assert landlock.attributes(version) == struct.pack(f"={len(fields)}Q", *fields)
