"""A source in a process of its own that holds one worker until it is killed.

    python held_server.py fork|exec

Prints the pids of launcher, worker and fork server if there is one, or the error that kept it from starting. It ends with its
standard input, so with whoever started it, however that came to its end.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import trio

from sandboxd.config import Settings
from sandboxd.errors import JailError
from sandboxd.executions.engine import most, read_policy
from sandboxd.pool.runtime import Workers, find_node, plan
from tests.support.engines import launcher_pids, open_source, server_pids
from tests.support.modes import OURS, USER
from tests.support.outer import ordinary_python

ROOT = Path(__file__).resolve().parents[2]
AS_USER = [f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]


@contextmanager
def holding(
    *, kind: str = "exec", ordinary: bool = False, setpriv: Sequence[str] = (), wrapper: Sequence[str] = ()
) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """The process and the words that it printed; an ordinary user's, with what setpriv(1) gives it, exec'd by a wrapper."""
    changes = [*setpriv, *(AS_USER if ordinary and OURS == "R" else ())]
    path = os.pathsep.join([str(ROOT), *(each for each in sys.path if each.endswith("site-packages"))])
    with subprocess.Popen(
        [
            *wrapper,
            *(["setpriv", *changes] if changes else ()),
            ordinary_python() if ordinary and OURS == "R" else sys.executable,
            __file__,
            kind,
        ],
        env={"PYTHONPATH": path, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().split()
        finally:
            process.kill()


async def hold(kind: Workers) -> None:
    """See above."""
    profile = read_policy(Settings()).profiles["code-nodes"]
    how = plan(find_node(), profile, most(profile), start_timeout_ms=60_000, workers=kind)
    async with open_source(how) as source:
        worker = await source.spawn()  # held: the end of its channel would be its own
        print(*launcher_pids(), worker.pid, *server_pids(), flush=True)
        await trio.lowlevel.wait_readable(sys.stdin)


def main() -> None:
    """See above."""
    try:
        trio.run(hold, sys.argv[1])
    except* JailError as problems:
        print(" ".join(str(problems.exceptions).split()), flush=True)


if __name__ == "__main__":
    main()
