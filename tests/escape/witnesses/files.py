"""A folder that everybody may write, and the machine's own places of that kind: what changed there, and by whom."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

OPEN = stat.S_IWOTH
NOT_FILES = {"/proc", "/sys"}
MARK = "escaped"
"""What attacks call what they make."""


class Seen(NamedTuple):
    """One entry. Its ctime cannot be set back."""

    uid: int
    size: int
    mtime_ns: int
    ctime_ns: int


class Files:
    """`with Files(folder, suspect) as files: …; files.changed()`: paths, and how many bytes they have more or less, at least 1.

    Whatever changes in `folder` counts. In the machine's places only what belongs to a uid that is `suspect`, or carries the
    attacks' mark: others work there too.
    """

    def __init__(self, folder: Path, suspect: Callable[[int], bool]) -> None:
        self.folder, self._suspect = folder, suspect
        self.file = folder / "file"
        folder.chmod(0o777)
        self.file.write_text("a witness")
        self.file.chmod(0o666)

    def __enter__(self) -> "Files":
        for path in self.folder.rglob("*"):
            path.chmod(0o777 if path.is_dir() else 0o666)
        self._before = self._look()
        return self

    def __exit__(self, *_: object) -> None:
        self._after = self._look()

    def changed(self) -> dict[str, int]:
        """What is not as it was."""
        paths = {path for path in {*self._before, *self._after} if self._before.get(path) != self._after.get(path)}
        sizes = [{path: seen.size for path, seen in look.items()} for look in (self._before, self._after)]
        return {path: max(1, abs(sizes[1].get(path, 0) - sizes[0].get(path, 0))) for path in sorted(paths)}

    def _look(self) -> dict[str, Seen]:
        seen = dict(_entries([self.folder, *self.folder.rglob("*")]))
        for place in places():
            for path, entry in _entries(place.glob("*")):
                if self._suspect(entry.uid) or Path(path).name.startswith(MARK):
                    seen.setdefault(path, entry)
        return seen


def places() -> list[Path]:
    """Folders near the root of the machine that everybody may write."""
    near = [path for path in Path("/").iterdir() if str(path) not in NOT_FILES]
    deeper = [
        path for folder in near if _is_folder(folder) and os.access(folder, os.R_OK | os.X_OK) for path in folder.iterdir()
    ]
    return sorted({path.resolve() for path in [*near, *deeper] if _is_folder(path) and path.lstat().st_mode & OPEN})


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def _entries(paths: Iterator[Path] | list[Path]) -> Iterator[tuple[str, Seen]]:
    for path in paths:
        try:
            found = path.lstat()
        except OSError:  # another's, and gone again
            continue
        yield str(path), Seen(found.st_uid, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
