"""The launcher: a single-threaded process of its own that makes workers. Standard library only.

    python -I -S launcher.py CONTROL_FD PARENT_PID PLAN_JSON

It exists because what happens between fork and exec must not happen in a process with threads, and because
PR_SET_PDEATHSIG follows the *thread* that forked. The daemon talks to it over a SEQPACKET socket: a REQUEST with two
descriptors (the worker's frame channel and the write end of its stderr pipe) asks for a worker; the REPLYs are LAUNCHED
with the worker's pidfd, and EXITED once it is reaped. When the socket ends, every worker is killed and the launcher ends.

A step that fails in the child writes one line to the worker's stderr, which the daemon reads, and exits with FAILED.
"""

import contextlib
import ctypes
import errno
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
from typing import Any, NoReturn

REQUEST = struct.Struct("<II")  # LAUNCH, worker id
REPLY = struct.Struct("<IIiiQQ")  # kind, worker id, pid, wait status, CPU in microseconds, highest resident bytes
LAUNCH, LAUNCHED, EXITED, REFUSED = 1, 1, 2, 3
FAILED = 97
CHANNEL = 3

PR_SET_PDEATHSIG = 1
# What this interpreter or main() ignores: ignored signals stay ignored through exec.
CHANGED_SIGNALS = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM)
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent: int) -> None:
    """SIGKILL when the thread that forked us ends; and now, if it already has."""
    if _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        os._exit(FAILED)


def limit(name: str, value: int) -> None:
    """Sets one rlimit for good, or keeps the lower one that we live under: without privileges it cannot be raised."""
    number = getattr(resource, "RLIMIT_" + name)
    _, hard = resource.getrlimit(number)
    most = value + 1 if name == "CPU" else value  # SIGXCPU at the soft limit says why; at the hard one it is a mere SIGKILL
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(number, (min(value, most), most))


def become_worker(plan: dict[str, Any], parent: int, channel: int, stderr: int) -> NoReturn:
    """The child's side of the fork, up to exec. Never returns."""
    step = "stderr"
    try:
        os.dup2(stderr, 2)  # first, so that every later step can say why it failed
        step = "die with the launcher"
        die_with_parent(parent)
        step = "session"
        os.setsid()
        step = "descriptors"
        null = os.open("/dev/null", os.O_RDWR)
        for source, target in ((null, 0), (null, 1), (channel, CHANNEL)):
            os.dup2(source, target)
        os.set_inheritable(CHANNEL, True)  # dup2 of a number onto itself leaves it as it was
        os.closerange(CHANNEL + 1, os.sysconf("SC_OPEN_MAX"))
        step = "limits"
        for name, value in plan["rlimits"].items():
            limit(name, value)
        step = "signals"
        for changed in CHANGED_SIGNALS:
            signal.signal(changed, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        step = "exec"
        os.execve(plan["argv"][0], plan["argv"], plan["env"])
    except BaseException as problem:  # noqa: ASYNC103 not async: the process ends here
        number = getattr(problem, "errno", None)
        line = {"step": step, "errno": errno.errorcode.get(number or 0, ""), "text": str(problem)}
        with contextlib.suppress(OSError):
            os.write(2, json.dumps(line).encode())
    finally:
        os._exit(FAILED)


class Launcher:
    """The loop: launch on request, reap on exit."""

    def __init__(self, control: socket.socket, plan: dict[str, Any]) -> None:
        self.control, self.plan = control, plan
        self.poll = select.poll()
        self.poll.register(control, select.POLLIN)
        self.workers: dict[int, tuple[int, int]] = {}  # pidfd -> (worker id, pid)

    def serve(self) -> None:
        """Until the daemon's end of the socket is closed."""
        try:
            while True:
                for fd, _ in self.poll.poll():
                    if fd != self.control.fileno():
                        self.reap(fd)
                    elif not self.request():
                        return
        except (BrokenPipeError, ConnectionResetError):
            return
        finally:
            for pidfd in self.workers:
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            for _, pid in self.workers.values():
                os.waitpid(pid, 0)

    def request(self) -> bool:
        """One message of the daemon; False at the end of the socket."""
        data, fds, _, _ = socket.recv_fds(self.control, REQUEST.size, 2)
        if not data:
            return False
        try:
            op, worker = REQUEST.unpack(data)
            if op != LAUNCH or len(fds) != 2:
                raise ValueError(f"operation {op} with {len(fds)} descriptors")
            self.launch(worker, *fds)
        except OSError as problem:
            self.control.send(REPLY.pack(REFUSED, worker, problem.errno or 0, 0, 0, 0))
        finally:
            for fd in fds:
                os.close(fd)
        return True

    def launch(self, worker: int, channel: int, stderr: int) -> None:
        me = os.getpid()
        pid = os.fork()
        if pid == 0:
            become_worker(self.plan, me, channel, stderr)
        try:
            pidfd = os.pidfd_open(pid)
        except OSError:  # out of descriptors: nobody could end or reap this one later
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise
        self.workers[pidfd] = (worker, pid)
        self.poll.register(pidfd, select.POLLIN)
        socket.send_fds(self.control, [REPLY.pack(LAUNCHED, worker, pid, 0, 0, 0)], [pidfd])

    def reap(self, pidfd: int) -> None:
        worker, pid = self.workers[pidfd]
        reaped, status, used = os.wait4(pid, os.WNOHANG)
        if reaped != pid:
            return
        self.poll.unregister(pidfd)
        os.close(pidfd)
        del self.workers[pidfd]
        cpu_us = int((used.ru_utime + used.ru_stime) * 1e6)
        self.control.send(REPLY.pack(EXITED, worker, pid, status, cpu_us, used.ru_maxrss * 1024))


def main(control_fd: str, parent: str, plan: str) -> None:
    """The program; see the module's text for its arguments."""
    die_with_parent(int(parent))
    os.setsid()
    while (null := os.open("/dev/null", os.O_RDWR)) <= 2:
        pass  # a daemon without standard streams: what we receive must not land on the numbers that a worker is given
    os.close(null)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the daemon decides when we end: it closes the socket
    control = socket.socket(fileno=int(control_fd))
    Launcher(control, json.loads(plan)).serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
