"""The command line in processes of its own, or in ours."""

import os
import subprocess
from typing import NamedTuple

from click.testing import CliRunner

from sandboxd.cli import main
from tests.support.daemon import FREE, SANDBOXD


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


def cli(*arguments: str, given: bytes = b"", program: list[str] | None = None, **environment: str) -> Ended:
    """Runs a command to its end. No variable of ours is inherited; a daemon's metrics get a free port."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SANDBOXD_")}
    command = [*(program or SANDBOXD), *arguments]
    done = subprocess.run(command, input=given, capture_output=True, timeout=90, env=inherited | FREE | environment)
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


def cli_here(*arguments: str) -> Ended:
    """The same in this process, half a second sooner: for what is refused before anything is started."""
    hidden = dict.fromkeys(name for name in os.environ if name.startswith("SANDBOXD_"))
    done = CliRunner(env=hidden).invoke(main, arguments, prog_name="sandboxd")
    return Ended(done.exit_code, done.stdout, done.stderr)


def refused(ended: Ended, *words: str) -> None:
    """Asserts a mistake of the caller: exit 2, nothing on stdout, a text with these words and without a traceback."""
    assert (ended.code, ended.out, "Traceback" in ended.err) == (2, "", False)
    assert [word for word in words if word not in ended.err] == []
