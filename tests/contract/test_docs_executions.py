"""The examples of docs/executions.md are what the daemon answers."""

import re
import shlex
from pathlib import Path

import pytest

from tests.support.daemon import Answer, Daemon

DOORS = ["executions"]

TEXT = (Path(__file__).parents[2] / "docs/executions.md").read_text()
EXAMPLE = re.compile(r"^\$ (curl (?:[^\n]*\\\n)*[^\n]*)\n((?:(?!\$ )[^\n]*\n)*)", re.MULTILINE)


def examples() -> list[tuple[str, str]]:
    """Each command, and what stands below it."""
    blocks = re.findall(r"^```console\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    return [(command, output) for block in blocks for command, output in EXAMPLE.findall(block)]


def sent(daemon: Daemon, command: str) -> Answer:
    """The request that such a command makes."""
    words, method, body, headers, url = iter(shlex.split(command.replace("\\\n", " "))[1:]), "", None, {}, ""
    for word in words:
        if word in ("-s", "-sN"):
            continue
        if word == "-X":
            method = next(words)
        elif word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word in ("-d", "--data-binary"):
            body = next(words).encode()
        else:
            url = word
    path = url.removeprefix(f"http://{daemon.host}:{daemon.port}")
    return daemon.request(method or ("POST" if body is not None else "GET"), path, body=body, headers=headers)


def test_every_example_gives_what_stands_below_it(daemon: Daemon, token: str) -> None:
    """In the order of the page; an ellipsis stands for anything, $ID for the first execution's."""
    known = {"$URL": f"http://{daemon.host}:{daemon.port}", "$TOKEN": token}
    for command, output in examples():
        for name, value in known.items():
            command = command.replace(name, value)
        answer = sent(daemon, command).body.decode()
        pattern = ".*".join(re.escape(part) for part in output.rstrip("\n").split("…"))
        assert re.fullmatch(pattern, answer.rstrip("\n"), re.DOTALL), (command, answer)
        if found := re.search('"execution_id":"([^"]+)"', answer):
            known.setdefault("$ID", found[1])


def test_there_are_examples() -> None:
    """Of every route that takes or gives something."""
    commands = "".join(command for command, _ in examples())
    assert len(examples()) >= 7
    assert [part for part in ("/api/exec ", "?wait=", "/output", "/cancel", "/events", "?limit=") if part not in commands] == []


@pytest.mark.parametrize("name", ["heap", "fs", "session", "tags", "code", "execution_timeout_secs", "heap_memory_max_mb"])
def test_every_field_is_explained(name: str) -> None:
    """In the table."""
    assert re.search(rf"^\| [a-z_, ]*\b{name}\b[a-z_, ]* \|", TEXT, re.MULTILINE)
