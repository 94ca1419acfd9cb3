"""Reading tables: the line that a problem names, and what becomes of a struct with problems."""

from typing import Annotated, Literal

import pytest
from msgspec import Meta, Struct, field

from sandboxd.toml_reader import Reader

TEXT = """\
top = 1
"quoted" = 2

[limits]
wall.min = 1
wall.max = 2
depth = { most = 256, why = "Levels of nesting." }

["my plan"]  # a name with a space
why = "It says top = 3 here."

[[rules]]
calls = "read"

[[rules]]
calls = \"\"\"
write
close
\"\"\"
when = [
  { arg = 0, eq = 1 },
  { arg = 1, eq = 2 },
]
"""


@pytest.mark.parametrize(
    ("path", "word", "line"),
    [
        ("top", "", 1),
        ("quoted", "", 2),
        ("limits", "", 4),
        ("limits.wall", "", 5),
        ("limits.wall.max", "", 6),
        ("limits.depth.why", "", 7),
        ("my plan", "", 9),
        ("my plan.why", "", 10),
        ("rules[0].calls", "", 13),
        ("rules[1].calls", "", 16),
        ("rules[1].calls", "close", 18),
        ("rules[1].when[0].eq", "", 21),
        ("rules[1].when[1].eq", "", 22),
    ],
)
def test_a_problem_names_the_line_of_its_key(path: str, word: str, line: int) -> None:
    """Keys, headers, dotted keys, inline tables, one of several tables, and a word of a long text."""
    assert Reader("f", TEXT, []).line(path, word) == line


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("absent", 1),
        ("limits.top", 4),
        ("my plan.top", 10),
        ("rules[0].when", 12),
        ("rules[7].why", 15),
        ("a.b.top", 1),
        ("", 1),
    ],
)
def test_what_is_missing_has_the_line_of_where_it_belongs(path: str, line: int) -> None:
    """A key that is not there is looked for in its own table only; a text may still pass for one."""
    assert Reader("f", TEXT, []).line(path) == line


def test_an_empty_file_has_a_first_line() -> None:
    """What is missing there has a line that an editor can open."""
    assert Reader("f", "", []).line("limits.depth", "word") == 1


class Inner(Struct, frozen=True):
    """A table in a table."""

    many: Annotated[int, Meta(gt=0)]


class Outer(Struct, frozen=True):
    """One key of every sort."""

    why: Annotated[str, Meta(min_length=5)]
    inner: Inner
    items: list[Inner] = []
    also: bool = field(name="with", default=False)
    named: dict[Literal["left", "right"], Inner] = {}
    free: dict[str, int] = {}


def read(text: str) -> tuple[Outer | None, list[str]]:
    """The struct in a whole file, and the problems."""
    problems: list[str] = []
    reader = Reader("f.toml", text, problems)
    return reader.struct(Outer, reader.tables, ""), problems


def test_a_right_table_becomes_a_struct() -> None:
    """Keys have the names that the file uses; what is left out has its default."""
    found, problems = read('why = "because"\nwith = true\n[inner]\nmany = 1\n[[items]]\nmany = 2\n')
    assert (found, problems) == (Outer("because", Inner(1), [Inner(2)], True), [])


def test_every_problem_is_noted() -> None:
    """An unknown key, a missing one, a wrong type and a wrong value do not hide each other, at any depth."""
    found, problems = read('why = "no"\nwith = 3\nalso = true\n[inner]\nmore = 1\n[[items]]\nmany = 1\n[[items]]\nmany = 0\n')
    assert found is None
    assert problems == [
        "f.toml:3: also: unknown key",
        "f.toml:1: why: Expected `str` of length >= 5",
        "f.toml:5: inner.more: unknown key",
        "f.toml:4: inner.many: missing",
        "f.toml:9: items[1].many: Expected `int` >= 1",
        "f.toml:2: with: Expected `bool`, got `int`",
    ]


@pytest.mark.parametrize("value", ["1", '"text"', "[]", "true"])
def test_what_is_no_table_is_a_problem(value: str) -> None:
    """Whatever stands where a table belongs is reported, never raised."""
    assert read(f'why = "because"\ninner = {value}\n') == (None, ["f.toml:2: inner: must be a table"])


def test_text_that_is_no_toml_is_one_problem() -> None:
    """The parser's words are kept, and the reader says that there is nothing to look at."""
    problems: list[str] = []
    reader = Reader("f.toml", "a = \n", problems)
    assert (reader.broken, reader.tables) == (True, {})
    assert (len(problems), problems[0].startswith("f.toml: "), "line 1" in problems[0]) == (1, True, True)


def test_a_table_of_names_is_read_name_by_name() -> None:
    """Where the names are a closed list another one is a problem; where they are not, any will do."""
    head = 'why = "because"\ninner = { many = 1 }\n'
    found, problems = read(head + "[named.left]\nmany = 1\n[free]\nanything = 2\n")
    assert (found and found.named, found and found.free, problems) == ({"left": Inner(1)}, {"anything": 2}, [])
    assert read(head + '[named.up]\nmany = 0\n[named.left]\nmany = 0\n[free]\nx = "1"\n')[1] == [
        "f.toml:3: named.up: must be one of left, right",
        "f.toml:6: named.left.many: Expected `int` >= 1",
        "f.toml:8: free.x: Expected `int`, got `str`",
    ]
