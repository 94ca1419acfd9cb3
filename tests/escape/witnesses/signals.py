"""Who takes note of signals: a process of the worker's own uid, and the daemon itself.

    python signals.py UID

becomes that user, says `ready`, and when its stdin ends tells how many signals it was given.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

CATCHABLE = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
OWN = {signal.SIGCHLD, signal.SIGPIPE}
"""What a daemon is given by the ends of its own children and channels."""


class Witness:
    """A process of some user that any process of that user may signal."""

    def __init__(self, uid: int) -> None:
        program = [sys.executable, "-I", "-S", __file__, str(uid)]
        self._process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self._process.pid
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def heard(self) -> int:
        """How many signals it was given; one that ended or stopped it is one. It is over then."""
        try:
            told, _ = self._process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            return 1
        return int(told) if self._process.returncode == 0 else 1


@contextmanager
def recorded() -> Iterator[list[int]]:
    """Every signal that this process is given, but for its own affairs."""
    heard: list[int] = []
    before = {number: signal.signal(number, lambda got, _: heard.append(got)) for number in CATCHABLE - OWN}
    try:
        yield heard
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)


def main(uid: int) -> None:
    """See above."""
    read_end, write_end = os.pipe2(os.O_NONBLOCK)
    signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    for number in CATCHABLE:
        signal.signal(number, lambda *_: None)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    print("ready", flush=True)
    sys.stdin.read()
    heard = b""
    with suppress(BlockingIOError):
        heard = os.read(read_end, 65_536)
    print(len(heard))


if __name__ == "__main__":
    main(int(sys.argv[1]))
