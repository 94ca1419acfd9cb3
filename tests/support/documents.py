"""Documents as their readers meet them: commands with what is printed below them, and changes of files."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

HOME = Path(__file__).parents[2]
_BLOCK = re.compile(r"^### `(?P<file>\S+)`$|^```(?P<kind>\w*)\n(?P<lines>.*?)^```", re.MULTILINE | re.DOTALL)
_HEREDOC = re.compile(r"(?<!<)<<-?'?(\w+)'?")


class Example(NamedTuple):
    """A command, and what a document prints below it."""

    command: str
    output: str


def text_of(path: str) -> str:
    """A document by its path in the repository."""
    return (HOME / path).read_text()


class Change(NamedTuple):
    """A file as it shall be, or lines of it with those that come (+) and go (-)."""

    file: str
    lines: list[str]
    whole: bool

    def make(self, folder: Path) -> None:
        """Makes it below a folder. What stays and what goes must be there, once."""
        path = folder / self.file
        if self.whole:
            path.write_text("".join(self.lines))
            return
        text = path.read_text()
        before = "".join(line[1:] for line in self.lines if line[0] in " -")
        assert text.count(before) == 1, f"{self.file} has not once:\n{before}"
        path.write_text(text.replace(before, "".join(line[1:] for line in self.lines if line[0] in " +")))


def steps(text: str) -> Iterator[Example | Change]:
    """What a reader of a document does, in its order: commands, and changes of the files that headings name."""
    file = ""
    for block in _BLOCK.finditer(text):
        kind, lines = block["kind"], (block["lines"] or "").splitlines(keepends=True)
        file = block["file"] or file
        if kind == "console":
            yield from _of_block(lines)
        elif file and kind in ("python", "diff"):
            yield Change(file, lines, whole=kind == "python")


def examples(text: str) -> list[Example]:
    """The commands of a document."""
    return [step for step in steps(text) if isinstance(step, Example)]


def _of_block(lines: list[str]) -> Iterator[Example]:
    """A command begins with a dollar; a backslash at the end of a line, or a heredoc, carries it on."""
    while lines:
        line = lines.pop(0)
        assert line.startswith("$ "), line
        command, end = line[2:], _HEREDOC.search(line)
        while command.endswith("\\\n"):
            command += lines.pop(0)
        while end is not None and not command.endswith(f"\n{end[1]}\n"):
            command += lines.pop(0)
        output = ""
        while lines and not lines[0].startswith("$ "):
            output += lines.pop(0)
        yield Example(command.rstrip("\n"), output.rstrip("\n"))


def matches(printed: str, output: str) -> bool:
    """Whether that was printed: an ellipsis stands for anything."""
    pattern = ".*".join(re.escape(part) for part in printed.split("…"))
    return re.fullmatch(pattern, output, re.DOTALL) is not None
