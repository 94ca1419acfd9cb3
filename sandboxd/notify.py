"""What the daemon tells the service manager that started it (sd_notify(3)); nothing where there is none."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
import trio

log = structlog.get_logger()


def notify(*assignments: str) -> None:
    """Sends lines like READY=1. A manager that cannot be reached is logged: the daemon serves without him."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as channel:
            channel.sendto("\n".join(assignments).encode(), "\0" + address[1:] if address.startswith("@") else address)
    except (OSError, ValueError) as problem:
        log.warning("the service manager cannot be told", socket=address, told=list(assignments), problem=str(problem))


def ready(status: str) -> None:
    """The daemon serves. `status` is a line for `systemctl status`."""
    notify("READY=1", f"STATUS={status}")


def stopping(status: str, within_s: float) -> None:
    """The daemon stops, which may take so long: a manager that allows less waits as long as this."""
    notify("STOPPING=1", f"STATUS={status}", f"EXTEND_TIMEOUT_USEC={int(within_s * 1e6)}")


@contextmanager
def reloading(status: str = "serving") -> Iterator[None]:
    """A reload lasts as long as the block; after it the daemon serves, with the old or with the new."""
    notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
    try:
        yield
    finally:
        ready(status)


async def keep_watchdog() -> None:
    """Shows the manager that the event loop turns, twice in the time after which he would end us; else returns at once."""
    microseconds, pid = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not microseconds.isdecimal() or int(microseconds) == 0 or pid not in ("", str(os.getpid())):
        return
    while True:
        notify("WATCHDOG=1")
        await trio.sleep(int(microseconds) / 2e6)
