"""The reference of the settings: nothing is missing from it, and what it prints is a configuration."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from sandboxd.config import Settings, load_settings
from sandboxd.config_reference import example, tables, toml

SETTING = re.compile(r"^#(?=[a-z_]+ = )", re.MULTILINE)


def keys(table: dict[str, Any], before: str = "") -> Iterator[str]:
    """The keys of a decoded file, like "pool.ahead"."""
    for name, value in table.items():
        yield from keys(value, f"{before}{name}.") if isinstance(value, dict) else [before + name]


def test_every_setting_and_table_has_its_text() -> None:
    """As whole sentences: settings without one could not be found out about."""
    texts = [text for table in tables() for text in (table.text, *table.settings.values())]
    assert [text for text in texts if len(text) < 15 or not text.endswith(".")] == []


def test_the_example_uncommented_has_every_setting_at_its_default(tmp_path: Path) -> None:
    """It loads, it says what holds anyway, and nothing is missing."""
    path = tmp_path / "c.toml"
    path.write_text(SETTING.sub("", example()))
    assert load_settings(config=str(path), environment={}) == Settings()
    assert sorted(keys(tomllib.loads(path.read_text()))) == sorted(keys(msgspec.to_builtins(Settings())))


def test_the_example_as_it_is_sets_nothing(tmp_path: Path) -> None:
    """An operator may start from the whole file."""
    path = tmp_path / "c.toml"
    path.write_text(example())
    assert list(keys(tomllib.loads(example()))) == []
    assert load_settings(config=str(path), environment={}) == Settings()


def test_each_setting_of_the_example_stands_below_its_text() -> None:
    """In the order of the file, with lines that a terminal can show."""
    lines = example().splitlines()
    settings = [n for n, line in enumerate(lines) if SETTING.match(line)]
    assert len(settings) == len(list(keys(msgspec.to_builtins(Settings()))))
    assert [lines[n] for n in settings if not lines[n - 1].startswith("# ")] == []
    assert max(map(len, lines)) <= 128


def test_values_are_written_as_the_file_has_them() -> None:
    """Text with quotes, with other letters, lists, numbers, switches."""
    for value in ('a "b" \\ c', "ü 😀", "a\nb\x00\x7f", ["a", "b"], [], 7.0, 1, True):
        assert tomllib.loads(f"a = {toml(value)}") == {"a": value}
