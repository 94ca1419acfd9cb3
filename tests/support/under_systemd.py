"""The units of systemd/, unchanged, under a real systemd: what the daemon is and can do there, as JSON.

    unshare --mount --net --pid --fork --kill-child --mount-proc --propagation private python under_systemd.py FOLDERS CGROUPS

Run as root, in namespaces of its own, so that nothing of this machine is touched and nothing stays. A service manager for users
(`systemd --user`) runs where no system booted with systemd; as root it builds the same walls around a service as the one of
the system. FOLDERS is JSON: what is to be found below /opt/sandboxd, as Python's path. The units' paths are really there.
CGROUPS, JSON too, are empty control groups of ours: a manager takes all that is in its own for its own. The last is of
version 2 (or there is none): below it lies the service's, which has to be writable as the one that the unit names. The daemon
asks for no controllers here, because the hierarchy of a machine may have none.
"""

import fcntl
import http.client
import json
import os
import re
import shutil
import socket
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

ROOT = Path(__file__).resolve().parents[2]
UNITS, STATE, OUT = Path("/run/config/systemd/user"), Path("/run/config/sandboxd"), Path("/run/doctor.json")
NODES = {"reg": stat.S_IFREG, "chr": stat.S_IFCHR, "blk": stat.S_IFBLK, "fifo": stat.S_IFIFO, "sock": stat.S_IFSOCK}
SERVICE = "sandboxd.slice/sandboxd.service"
SYSTEMD = "/lib/systemd/systemd"
FOLDERS = [str(ROOT), *(each for each in sys.path if each.endswith("site-packages"))]
ENVIRONMENT = {
    "XDG_RUNTIME_DIR": "/run/manager",
    "XDG_CONFIG_HOME": "/run/config",
    "HOME": "/run/config",
    "PATH": "/usr/sbin:/usr/bin:/bin",
}


def run(*command: str, expect: int | None = 0) -> str:
    """A command's stdout."""
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=120, check=False)
    if expect is not None and done.returncode != expect:
        said = "".join(file.read_text() for file in (Path("/run/log"), OUT) if file.exists())
        raise SystemExit(f"{command} ended with {done.returncode}: {done.stdout}{done.stderr}{said}")
    return done.stdout


START = "from sandboxd.jail import delegation; delegation.CONTROLLERS = (); from sandboxd.cli import main; main()"


def install(folders: list[str], home: str) -> None:
    """What README.md says, in a /run, /etc and /opt of our own."""
    run("mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/run")
    for folder in ("/run/systemd/system", "/run/manager", "/run/user", "/run/config/systemd", "/run/opt/sandboxd/bin"):
        Path(folder).mkdir(parents=True, mode=0o755)
    hidden = Path("/run/systemd/inaccessible")  # made at boot: what systemd lays over a path that is not to be seen
    (hidden / "dir").mkdir(parents=True)
    for name, kind in NODES.items():
        os.mknod(hidden / name, kind)
    for node in hidden.iterdir():
        node.chmod(0)
    Path("/run/log").touch()
    shutil.copytree("/etc", "/run/etc", symlinks=True)
    for name in ("etc", "opt"):
        Path("/" + name).mkdir(exist_ok=True)
        run("mount", "--bind", f"/run/{name}", f"/{name}")
    for number, folder in enumerate(folders):
        Path(f"/opt/sandboxd/{number}").mkdir()
        run("mount", "--bind", folder, f"/opt/sandboxd/{number}")
    path = ":".join(f"/opt/sandboxd/{number}" for number in range(len(folders)))
    program = Path("/opt/sandboxd/bin/sandboxd")
    program.write_text(f'#!/bin/sh\nPYTHONPATH={path} PYTHONDONTWRITEBYTECODE=1 exec {sys.executable} -c "{START}" "$@"\n')
    program.chmod(0o755)
    run("systemd-sysusers", str(ROOT / "systemd/sysusers.conf"))
    run("systemd-tmpfiles", "--create", str(ROOT / "systemd/tmpfiles.conf"))
    shutil.copytree(ROOT / "systemd", UNITS)
    unit = (UNITS / "sandboxd.service").read_text()
    for was, becomes in ((r"(?m)^Type=.*", "Type=oneshot"), (r"(?m)^ExecStart=.*", f"ExecStart={program} doctor --json")):
        unit, count = re.subn(was, becomes, unit)
        assert count == 1
    unit = re.sub(r"(?m)^(Restart|RestartSec|WatchdogSec|ExecReload|Wants|After)=.*", "", unit)
    for service in ("sandboxd", "doctor"):  # where the service's cgroup lies on this machine
        more = Path(UNITS, f"{service}.service.d", "cgroup.conf")
        more.parent.mkdir()
        more.write_text(f"[Service]\nReadWritePaths=-{home}/sandboxd.slice/{service}.service\n")
    Path("/run/config/systemd/user.conf").write_text("[Manager]\nDefaultStandardOutput=inherit\nDefaultStandardError=inherit\n")
    (UNITS / "doctor.service").write_text(f"{unit}\n[Service]\nStandardOutput=truncate:{OUT}\nSuccessExitStatus=1\n")


def loopback() -> None:
    """Up, in our own network namespace."""
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP


def _manager(command: list[str], log: TextIO) -> subprocess.Popen[bytes]:
    """The umask is PID 1's: a service of another user must be able to tell it that it is ready."""
    return subprocess.Popen(command, env=ENVIRONMENT, stdout=log, stderr=log, umask=0)


@contextmanager
def manager() -> Iterator[None]:
    """A service manager, as long as the block lasts."""
    command = [SYSTEMD, "--user", "--unit=basic.target", "--log-target=console"]
    with Path("/run/log").open("w") as log, _manager(command, log) as process:
        while run("systemctl", "--user", "is-system-running", expect=None).strip() not in ("running", "degraded"):
            if process.poll() is not None:
                raise SystemExit(f"no manager: {process.returncode} {Path('/run/log').read_text()}")
            time.sleep(0.1)
        try:
            yield
        finally:
            process.terminate()


def ask(method: str, path: str, body: Any = None, token: str = "") -> tuple[int, Any]:
    """One request to the address of sandboxd.socket: its status and its JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=90)
    connection.request(method, path, None if body is None else json.dumps(body), {"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def shown() -> dict[str, str]:
    """What the manager knows of the service."""
    names = "ActiveState,SubState,Result,MainPID,StatusText,ExecMainStatus,NRestarts"
    return dict(line.split("=", 1) for line in run("systemctl", "--user", "show", "-p", names, "sandboxd.service").splitlines())


def active() -> dict[str, str]:
    """The same once the manager has read that the daemon is ready, or after a while."""
    give_up = time.monotonic() + 30
    while (found := shown())["SubState"] != "running" and time.monotonic() < give_up:
        time.sleep(0.1)
    return found


def held(folder: Path) -> dict[str, list[str]]:
    """The pids in each cgroup below one."""
    found = {}
    for each in folder.glob("*/cgroup.procs"):
        with suppress(OSError):  # it went with its worker while we looked
            found[each.parent.name] = each.read_text().split()
    return found


def main(folders: list[str], cgroups: list[str]) -> None:
    """Installs, starts by a request to the socket, looks, restarts, stops."""
    for cgroup in cgroups:
        Path(cgroup, "cgroup.procs").write_text("0")
    home = cgroups[-1]
    install(folders, home)
    loopback()
    told: dict[str, Any] = {}
    with manager():
        run("systemctl", "--user", "start", "doctor.service")
        told["doctor"] = json.loads(OUT.read_text())
        run("systemctl", "--user", "start", "sandboxd.socket")
        told["before"] = shown()
        told["ready"] = ask("GET", "/readyz")
        told["during"] = active()
        process = Path("/proc", told["during"]["MainPID"])
        told["status"] = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines() if ":\t" in line)
        told["mounts"] = [line.split()[4:6] for line in (process / "mountinfo").read_text().splitlines()]
        told["data"] = {str(each.name): oct(each.stat().st_mode & 0o777) for each in (STATE, *STATE.iterdir())}
        told["cgroups"] = held(Path(home, SERVICE))
        owner = STATE.stat()
        told["owner"] = [owner.st_uid, run("id", "-u", "sandboxd").strip()]
        as_owner = ["setpriv", f"--reuid={owner.st_uid}", f"--regid={owner.st_gid}", "--clear-groups"]
        token = run(*as_owner, "/opt/sandboxd/bin/sandboxd", "token", "create", "--user", "u", "--data-dir", str(STATE)).strip()
        execute = ("POST", "/api/ai-automation/code/execute", {"code": "return 6 * 7"}, token)
        told["execution"] = ask(*execute)
        run("systemctl", "--user", "restart", "--no-block", "sandboxd.service")
        told["while it restarts"] = ask(*execute)
        told["restarted"] = active()
        run("systemctl", "--user", "stop", "sandboxd.socket", "sandboxd.service")
        told["after"] = shown()
        told["cgroup stays"] = Path(home, SERVICE).exists()
    told["log"] = Path("/run/log").read_text().splitlines()
    print(json.dumps(told))


if __name__ == "__main__":
    main(*(json.loads(each) for each in sys.argv[1:]))
