"""Files of actions, while somebody changes what paths lead to."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandboxd.errors import SettingsError
from sandboxd.executions.actions.candidate import Bounds
from sandboxd.executions.actions.config import FileAction, FileConfig
from sandboxd.executions.actions.files import load

BOUNDS = Bounds(executions=100, source_bytes=1 << 20, depth=256)
SECRET = "hunter2"


@contextmanager
def always(change: Callable[[], None]) -> Iterator[None]:
    """Makes a change over and over while the block lasts."""
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            change()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_link_that_comes_in_between_is_not_followed(tmp_path: Path, what: str) -> None:
    """Of a thousand readings, while a file, or a folder on the way, is swapped for a link to outside, none gets there."""
    root, outside = tmp_path / "root", tmp_path / "outside"
    for folder, text in ((root / "a", "fine"), (outside, SECRET)):
        folder.mkdir(parents=True)
        (folder / "x.js").write_text(text)
    spot, target = (root / "a/x.js", outside / "x.js") if what == "file" else (root / "a", outside)
    kept, link = root / "kept", root / "link"
    link.symlink_to(target)

    def swap() -> None:
        os.rename(spot, kept)  # noqa: PTH104 of names that are links as well
        os.rename(link, spot)  # noqa: PTH104
        os.rename(spot, link)  # noqa: PTH104
        os.rename(kept, spot)  # noqa: PTH104

    config, texts = FileConfig(action=FileAction("js", "a/x.js")), set()
    with always(swap):
        for _ in range(1000):
            program = load(config, str(root), BOUNDS).program
            texts.add(program.text or (program.problem and program.problem.code))
    assert SECRET not in texts
    assert texts & {"fine", "PATH_ESCAPE", "ACTION_NOT_FOUND"} == texts


def test_no_descriptor_is_left(tmp_path: Path) -> None:
    """Whatever the path leads to."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a/x.js").write_bytes(b"1")
    (tmp_path / "latin").write_bytes(b"\xff")
    (tmp_path / "link").symlink_to("a")
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    names = ["a/x.js", "a/y.js", "a/x.js/z", "a", "link/x.js", "latin", "..", "", "n" * 300, "a\0b"]
    for name in names:
        load(FileConfig(action=FileAction("js", name), fixtures=names), str(tmp_path), BOUNDS)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_a_root_that_is_gone_is_the_operator_s(tmp_path: Path) -> None:
    """The text names the setting, and not the folder."""
    with pytest.raises(SettingsError, match=r"actions\.root") as caught:
        load(FileConfig(), str(tmp_path / "nope"), BOUNDS)
    assert str(tmp_path) not in caught.value.message
