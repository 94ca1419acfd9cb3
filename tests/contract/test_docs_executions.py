"""The examples of docs/executions.md are what the daemon answers."""

import re
from pathlib import Path

import pytest

from tests.support.daemon import Daemon
from tests.support.documents import Example, examples, matches, text_of
from tests.support.shell import open_shell

DOORS = ["executions"]

TEXT = text_of("docs/executions.md")


def calls() -> list[Example]:
    """Those that ask the daemon."""
    return [example for example in examples(TEXT) if example.command.startswith("curl ")]


def test_every_example_gives_what_stands_below_it(daemon: Daemon, token: str, tmp_path: Path) -> None:
    """In the order of the page; $ID is the first execution's."""
    known = {"URL": f"http://{daemon.host}:{daemon.port}", "TOKEN": token}
    with open_shell(tmp_path, known) as shell:
        for command, printed in calls():
            answer = shell.run(command)
            assert matches(printed, answer), (command, answer)
            if found := re.search('"execution_id":"([^"]+)"', answer):
                shell.run(f"ID=${{ID:-{found[1]}}}")


def test_there_are_examples() -> None:
    """Of every route that takes or gives something."""
    commands = "".join(command for command, _ in calls())
    assert len(calls()) >= 7
    assert [part for part in ("/api/exec ", "?wait=", "/output", "/cancel", "/events", "?limit=") if part not in commands] == []


@pytest.mark.parametrize("name", ["heap", "fs", "session", "tags", "code", "execution_timeout_secs", "heap_memory_max_mb"])
def test_every_field_is_explained(name: str) -> None:
    """In the table."""
    assert re.search(rf"^\| [a-z_, ]*\b{name}\b[a-z_, ]* \|", TEXT, re.MULTILINE)
