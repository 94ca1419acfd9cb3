"""What a newcomer does who has a clone and nothing else: README, tutorial and how-tos, every command as it is printed.

    python -m tests.campaigns.newcomer [FOLDER]

The tree is copied, without what git ignores, into an empty home; the environment has a PATH and nothing of ours. `make run`
installs everything from the registries, so this takes some minutes and a network. Only the port is another one. In FOLDER,
which must not exist, everything is left for a look at it.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.support.documents import HOME, examples, matches, text_of
from tests.support.shell import Shell, free_port, started_shell

PATIENCE_S = 1200
REGISTRIES = ("PIP_", "NPM_", "NODE_EXTRA_CA_CERTS", "SSL_CERT_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
"""How this machine reaches its registries, which is nothing of ours."""
PAGES = ("docs/tutorial.md", "docs/embed-in-a-workflow-engine.md", "docs/add-a-profile.md", "examples/README.md")


def clone(work: Path) -> None:
    """What a clone would have of the tree as it stands."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=HOME, check=True, capture_output=True
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_bytes((HOME / name).read_bytes())
        (work / name).chmod((HOME / name).stat().st_mode)


def first_run(shell: Shell, home: Path) -> None:
    """`make run`, the call that it prints, and the README's own commands beside it."""
    begun = time.monotonic()
    shell.run(f"make run > {home}/make.log 2>&1 &")
    shell.run(f"until grep -q Authorization {home}/make.log || ! kill -0 $!; do sleep 0.2; done")
    said = (home / "make.log").read_text()
    assert "Try it:" in said, said
    print(f"make run: listens after {time.monotonic() - begun:.0f} s", flush=True)
    call = said[said.index("  curl") :].split("\n\n")[0]
    answer = shell.run(call)
    assert '"return_value":{"sum":8}' in answer, answer
    token = call[call.index("Bearer ") + 7 :].partition("'")[0]
    first, *rest = [example for example in examples(text_of("README.md")) if not example.command.startswith("make ")]
    shell.run(f"export TOKEN={token}")
    assert matches(first.output, shell.run(first.command))
    for command, _ in rest:
        output = shell.run(command.replace("SANDBOXD_TOKEN=…", f"SANDBOXD_URL=http://127.0.0.1:8000 SANDBOXD_TOKEN={token}"))
        assert output, command
        assert "Traceback" not in output, output
    shell.run("pkill -TERM -P $!; wait")  # the daemon is a child of make
    print(f"README: {len(rest) + 2} commands", flush=True)


def main() -> None:
    """Walks, and says how far it came."""
    with tempfile.TemporaryDirectory() as passing:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else passing)
        home = folder / "home"
        clone(home / "sandboxd")
        address = f"127.0.0.1:{free_port()}"
        machine = {name: value for name, value in os.environ.items() if name.upper().startswith(REGISTRIES)}
        machine["NPM_CONFIG_USERCONFIG"] = str(Path.home() / ".npmrc")
        environment = machine | {"HOME": str(home), "PATH": "/usr/local/bin:/usr/bin:/bin", "BIND": address, "LANG": "C.UTF-8"}
        with started_shell(home / "sandboxd", folder / "terminal", environment, address, PATIENCE_S) as shell:
            first_run(shell, home)
            for page in PAGES:
                if page.startswith("examples"):  # its reader has a daemon
                    shell.run("export SANDBOXD_URL=http://127.0.0.1:8000; unset SANDBOXD_CONFIG")
                    shell.run("sandboxd serve --bind 127.0.0.1:8000 2> ~/sandboxd.log &")
                    shell.run("until grep -q '^listening' ~/sandboxd.log; do sleep 0.1; done")
                print(f"{page}: {shell.walk(text_of(page))} commands", flush=True)


if __name__ == "__main__":
    main()
