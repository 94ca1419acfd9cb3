"""Documents that can be followed: every command as it is printed, in a shell of its own, gives what stands below it."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.daemon import Daemon
from tests.support.documents import examples, matches, text_of
from tests.support.shell import open_shell
from tests.support.stored import make_token

DOORS = ["code-nodes", "executions", "actions"]


@pytest.fixture
def environment(daemon: Daemon) -> Mapping[str, str]:
    """What a reader has set who has a daemon."""
    token = make_token(daemon.data_dir, "reader")
    return {"SANDBOXD_URL": f"http://{daemon.host}:{daemon.port}", "SANDBOXD_TOKEN": token}


@pytest.mark.parametrize("page", ["docs/tutorial.md", "docs/embed-in-a-workflow-engine.md", "docs/add-a-profile.md"])
def test_a_page_that_begins_with_nothing(tmp_path: Path, page: str) -> None:
    """It starts what it needs by itself."""
    with open_shell(tmp_path) as shell:
        shell.walk(text_of(page))


@pytest.mark.parametrize("page", ["docs/tune-the-pool.md", "examples/README.md"])
def test_a_page_that_begins_with_a_daemon(tmp_path: Path, environment: Mapping[str, str], page: str) -> None:
    """Its reader knows where that is, and has a token."""
    with open_shell(tmp_path, environment) as shell:
        shell.walk(text_of(page))


ENDS = {"validate": 1, "policy explain code-nodes https": 1}
"""Commands of the README that end with another exit code than 0, by what is in them."""


def test_the_readme(tmp_path: Path, daemon: Daemon) -> None:
    """Its first call is answered as it says; its commands end as they should, but for those that set up and test everything."""
    token, ran = make_token(daemon.data_dir, "reader"), 0
    environment = {"TOKEN": token, "SANDBOXD_URL": f"http://{daemon.host}:{daemon.port}"}
    with open_shell(tmp_path, environment, address=f"{daemon.host}:{daemon.port}") as shell:
        for command, printed in examples(text_of("README.md")):
            if command.startswith("make "):
                continue
            command = command.replace("SANDBOXD_TOKEN=…", f"SANDBOXD_TOKEN={token}")
            output, _, code = shell.run(f"{command}\nprintf '\\n%d\\n' $?").rpartition("\n")
            assert int(code) == next((end for part, end in ENDS.items() if part in command), 0), (command, output)
            assert matches(printed, output.rstrip("\n")) if printed else output, (command, output)
            ran += 1
    assert ran == 7


def test_a_new_door(tmp_path: Path) -> None:
    """Every change is made, and its own tests pass."""
    with open_shell(tmp_path, copied=("policies", "sandboxd", "tests")) as shell:
        shell.walk(text_of("docs/add-a-door.md"))


@pytest.mark.parametrize(
    ("page", "least"),
    [("tutorial", 20), ("embed-in-a-workflow-engine", 7), ("add-a-profile", 10), ("tune-the-pool", 3), ("add-a-door", 3)],
)
def test_there_is_something_to_follow(page: str, least: int) -> None:
    """A page whose blocks are not found would pass."""
    assert len(examples(text_of(f"docs/{page}.md"))) >= least


def test_a_command_that_prints_something_else_is_found(tmp_path: Path) -> None:
    """With the command, what it printed, and what the document has."""
    with open_shell(tmp_path) as shell, pytest.raises(AssertionError, match="four\n-- but the document has --\nfive"):
        shell.walk("```console\n$ echo four\nfive\n```\n")


@pytest.mark.parametrize("program", ["python3 examples/python/code_node.py", "node examples/javascript/code_node.mjs"])
def test_an_example_says_what_is_wrong(tmp_path: Path, environment: Mapping[str, str], program: str) -> None:
    """A token that is not known ends it with the daemon's own words, and with exit code 1."""
    with open_shell(tmp_path, {**environment, "SANDBOXD_TOKEN": "sbx_nobody"}) as shell:
        output = shell.run(f"{program}; echo exit $?")
    assert "401: Invalid or expired token" in output
    assert output.endswith("exit 1")
