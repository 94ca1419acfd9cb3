"""What a server costs: CPU and memory of its whole process tree, seen from outside."""

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

QUIET_MS = 20
"""Less CPU than this in a tenth of a second, and a server has done its work: two ticks of the kernel's clock."""
PATIENCE_S = 5


def family(pid: int) -> Iterator[psutil.Process]:
    """A process and all below it."""
    root = psutil.Process(pid)
    yield root
    yield from root.children(recursive=True)


def cpu_ms(pid: int) -> float:
    """CPU of a tree since it began. A process that was waited for counts in its parent, as the kernel keeps it."""
    total = 0.0
    for process in family(pid):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total * 1000


def settled_cpu_ms(pid: int) -> float:
    """The same once the tree is quiet: what an execution leaves to be done, as the next worker's start, is part of its cost."""
    before, give_up = cpu_ms(pid), time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up:
        time.sleep(0.1)
        now = cpu_ms(pid)
        if now - before < QUIET_MS:
            return now
        before = now
    return before


def memory_bytes(pid: int) -> int | None:
    """The memory of a tree: proportional set sizes, so that shared pages count once. None where the kernel does not tell."""
    total = 0
    for process in family(pid):
        try:
            text = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
        except PermissionError:
            return None
        if match := re.search(r"^Pss:\s+(\d+) kB$", text, re.MULTILINE):
            total += int(match[1]) * 1024
    return total


class Peak:
    """The highest memory of a tree over the calls of `look`."""

    def __init__(self, pid: int) -> None:
        self.pid, self.bytes = pid, memory_bytes(pid)

    def look(self) -> None:
        """Takes one sample. It costs the kernel a walk over all pages: never while a time is measured."""
        now = memory_bytes(self.pid)
        if self.bytes is not None and now is not None:
            self.bytes = max(self.bytes, now)
