"""What is left running, seen from outside."""

import time

import psutil


def workers(root: int | None = None) -> list[psutil.Process]:
    """Living processes that run our launcher or our harness, below `root` or anywhere."""
    found = psutil.Process(root).children(recursive=True) if root is not None else psutil.process_iter()
    return [process for process in found if _is_ours(process)]


def _is_ours(process: psutil.Process) -> bool:
    try:
        line = process.cmdline()
        ours = any("harness.js" in part or "sandboxd.jail.launcher" in part for part in line)
        return ours and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def wait_gone(pids: list[int], seconds: float = 30) -> list[int]:
    """The pids that still live after at most `seconds`."""
    give_up = time.monotonic() + seconds
    while (left := [pid for pid in pids if psutil.pid_exists(pid)]) and time.monotonic() < give_up:
        time.sleep(0.01)
    return left
