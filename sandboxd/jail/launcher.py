"""The launcher: a single-threaded process of its own that makes workers. Standard library only.

    python -I -S -c "import sys; sys.path.insert(0, ROOT); …; main(*sys.argv[1:])" CONTROL_FD PARENT_PID PLAN_JSON

It exists because what happens between fork and exec must not happen in a process with threads, and because
PR_SET_PDEATHSIG follows the *thread* that forked. It goes behind the walls itself, so that its workers are born there, and
says first what came of each layer (JSON). Then the daemon talks to it over a SEQPACKET socket: a REQUEST with two
descriptors (the worker's frame channel and the write end of its stderr pipe) asks for a worker; the REPLYs are LAUNCHED
with the worker's pidfd, and EXITED once it is reaped. When the socket ends, every worker is killed and the launcher ends.

A step that fails in the child writes one line to the worker's stderr, which the daemon reads, and exits with FAILED.
"""

import contextlib
import errno
import json
import os
import resource
import select
import signal
import socket
import struct
from typing import Any, NoReturn

from sandboxd.jail import privileges
from sandboxd.jail.confine import Step, Walls

# In these words the fork server is asked too (js_harness/native/server.c); the memory limit is for its children.
REQUEST = struct.Struct("<IIQ")  # LAUNCH, worker id, most bytes of data
REPLY = struct.Struct("<IIiiQQ")  # kind, worker id, pid, wait status, CPU in microseconds, highest resident bytes
LAUNCH, LAUNCHED, EXITED, REFUSED = 1, 1, 2, 3
FAILED = 97
CHANNEL = 3

LIFE = 4  # in the child, until exec: the read end of a pipe whose only writer is the launcher

# What this interpreter or main() ignores, and what nohup and a shell's background do: ignored stays ignored through exec.
CHANGED_SIGNALS = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


def die_with_parent(parent: int) -> None:
    """SIGKILL when the thread that forked us ends; and now, if it already has."""
    privileges.die_with_parent()
    if os.getppid() != parent:
        os._exit(FAILED)


def end_if_orphaned() -> None:
    """The same question where it cannot be asked by pid: whoever is PID 1 of a namespace has no parent to name."""
    poll = select.poll()
    poll.register(LIFE, 0)  # POLLHUP is always told
    if poll.poll(0):
        os._exit(FAILED)


def limit(name: str, value: int) -> None:
    """Sets one rlimit for good, or keeps the lower one that we live under: without privileges it cannot be raised."""
    number = getattr(resource, "RLIMIT_" + name)
    _, hard = resource.getrlimit(number)
    most = value + 1 if name == "CPU" else value  # SIGXCPU at the soft limit says why; at the hard one it is a mere SIGKILL
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(number, (min(value, most), most))


def set_limits(rlimits: dict[str, int]) -> None:
    """All limits of the plan."""
    for name, value in rlimits.items():
        limit(name, value)


def take_descriptors(channel: int, life: int) -> None:
    """What a worker holds: /dev/null twice, its stderr, its channel. Everything of the launcher's is closed."""
    null = os.open("/dev/null", os.O_RDWR)  # above LIFE, as all that the launcher opens or receives: no target covers a source
    for source, target in ((null, 0), (null, 1), (channel, CHANNEL)):
        os.dup2(source, target)
    os.dup2(life, LIFE, inheritable=False)
    os.closerange(LIFE + 1, os.sysconf("SC_OPEN_MAX"))


def reset_signals() -> None:
    """As if nothing had ever been ignored or blocked."""
    for changed in CHANGED_SIGNALS:
        signal.signal(changed, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def become_worker(plan: dict[str, Any], walls: Walls | None, slot: int, channel: int, stderr: int, life: int) -> NoReturn:
    """The child's side of the fork, up to exec. Never returns."""
    argv, environment = list(plan["argv"]), dict(plan["env"])

    def complete_argv() -> None:
        if walls is not None:
            argv[:-1] = [walls.inside(each) for each in argv[:-1]]
            argv[-1] = json.dumps(json.loads(argv[-1]) | {"filter": walls.run_filter(), "domain": walls.empty_domain()})
            environment.update({name: walls.inside(value) for name, value in environment.items()})

    steps: list[Step] = [
        ("die with the launcher", privileges.die_with_parent),
        ("session", os.setsid),
        ("descriptors", lambda: take_descriptors(channel, life)),
        ("limits", lambda: set_limits(plan["rlimits"])),
        ("signals", reset_signals),
        ("arguments", complete_argv),
        *(walls.steps(slot) if walls is not None else ()),
    ]
    steps.append(("life of the launcher", end_if_orphaned))  # after the last change of identity, which clears PDEATHSIG
    step = "stderr"
    try:
        os.dup2(stderr, 2)  # first, so that every later step can say why it failed
        for step, take in steps:  # noqa: B007 named in the failure
            take()
        step = "exec"
        os.execve(argv[0], argv, environment)
    except BaseException as problem:  # noqa: ASYNC103 not async: the process ends here
        number = getattr(problem, "errno", None)
        line = {"step": step, "errno": errno.errorcode.get(number or 0, ""), "text": str(problem)}
        with contextlib.suppress(OSError):
            os.write(2, json.dumps(line).encode())
    finally:
        os._exit(FAILED)


class Launcher:
    """The loop: launch on request, reap on exit."""

    def __init__(self, control: socket.socket, plan: dict[str, Any], walls: Walls | None) -> None:
        self.control, self.plan, self.walls = control, plan, walls
        self.life = os.pipe()
        self.poll = select.poll()
        self.poll.register(control, select.POLLIN)
        self.workers: dict[int, tuple[int, int, int]] = {}  # pidfd -> (worker id, pid, slot)

    def serve(self) -> None:
        """Until the daemon's end of the socket is closed."""
        try:
            while True:
                for fd, _ in self.poll.poll():
                    if fd != self.control.fileno():
                        self.reap(fd)
                    elif not self.request():
                        return
        finally:
            for pidfd in self.workers:
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            for _, pid, _ in self.workers.values():
                os.waitpid(pid, 0)

    def request(self) -> bool:
        """One message of the daemon; False at the end of the socket."""
        data, fds, _, _ = socket.recv_fds(self.control, REQUEST.size, 2)
        if not data:
            return False
        try:
            op, worker, _ = REQUEST.unpack(data)
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
        slot = self.walls.slot() if self.walls is not None else 0
        try:
            pid = self.walls.fork() if self.walls is not None else os.fork()
            if pid == 0:
                become_worker(self.plan, self.walls, slot, channel, stderr, self.life[0])
            try:
                pidfd = os.pidfd_open(pid)
            except OSError:  # out of descriptors: nobody could end or reap this one later
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                raise
        except OSError:
            self._free(slot)
            raise
        self.workers[pidfd] = (worker, pid, slot)
        self.poll.register(pidfd, select.POLLIN)
        socket.send_fds(self.control, [REPLY.pack(LAUNCHED, worker, pid, 0, 0, 0)], [pidfd])

    def reap(self, pidfd: int) -> None:
        worker, pid, slot = self.workers[pidfd]
        reaped, status, used = os.wait4(pid, os.WNOHANG)
        if reaped != pid:
            return
        self.poll.unregister(pidfd)
        os.close(pidfd)
        del self.workers[pidfd]
        self._free(slot)
        cpu_us = int((used.ru_utime + used.ru_stime) * 1e6)
        self.control.send(REPLY.pack(EXITED, worker, pid, status, cpu_us, used.ru_maxrss * 1024))

    def _free(self, slot: int) -> None:
        if self.walls is not None:
            self.walls.slots.discard(slot)


def main(control_fd: str, parent: str, plan_json: str) -> None:
    """The program; see the module's text for its arguments."""
    die_with_parent(int(parent))
    while (null := os.open("/dev/null", os.O_RDWR)) <= LIFE:
        pass  # a daemon without standard streams: what we receive must not land on the numbers that a worker is given
    os.close(null)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the daemon decides when we end: it closes the socket
    control = socket.socket(fileno=int(control_fd))
    plan = json.loads(plan_json)
    walls = Walls(plan["walls"]) if plan["walls"] is not None else None
    report = walls.enter() if walls is not None else []
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # a daemon that went away meanwhile: so do we
        control.send(json.dumps(report).encode())
        Launcher(control, plan, walls).serve()
