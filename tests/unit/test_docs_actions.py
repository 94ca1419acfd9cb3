"""docs/actions.md says it all: every code, kind, key and setting."""

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

import sandboxd
from sandboxd.config import ActionsSettings
from sandboxd.executions.actions.assertions import MOST as MOST_ASSERTIONS
from sandboxd.executions.actions.codes import Code
from sandboxd.executions.actions.config import Assertion, Budgets, Config, FileAction, InlineAction, InlineFixture, Snapshots
from sandboxd.executions.actions.files import MOST_BYTES
from sandboxd.executions.actions.findings import LONGEST_NAME
from sandboxd.executions.actions.report import PRINTED, ActionResult, Event, Kind, Report
from sandboxd.store.snapshots import MOST as MOST_SNAPSHOTS

TEXT = (Path(sandboxd.__file__).parent.parent / "docs/actions.md").read_text()


def rows(head: str) -> list[str]:
    """The first cells of a table's rows."""
    table = TEXT[TEXT.index(f"| {head} |") :].split("\n\n")[0]
    return [row.split("|")[1].strip() for row in table.splitlines()[2:]]


def test_every_code_is_explained_in_its_order() -> None:
    """And no others."""
    assert rows("code") == [code.value for code in Code]


def test_every_kind_of_event_is_explained() -> None:
    """And no others."""
    assert [kind for row in rows("kind") for kind in row.split(", ")] == list(get_args(Kind))


STRUCTS = [Config, InlineAction, InlineFixture, FileAction, Budgets, Snapshots, Assertion, ActionsSettings]
STRUCTS += [Event, ActionResult, Report]


@pytest.mark.parametrize("kind", STRUCTS)
def test_every_key_is_mentioned(kind: type[msgspec.Struct]) -> None:
    """In an example or in the text."""
    assert [field for field in kind.__struct_fields__ if not re.search(rf"\b{field}\b", TEXT)] == []


def test_the_limits_are_those_of_the_code() -> None:
    """Each with its number."""
    shown = [
        f"{PRINTED >> 20} MB of printed events",
        f"in files, {MOST_BYTES >> 20} MB",
        f"more than {LONGEST_NAME} characters",
        f"newest {MOST_SNAPSHOTS:,} of a tenant",
        f"more than {MOST_ASSERTIONS} |",
        f"({ActionsSettings().executions}) executions",
    ]
    text = " ".join(TEXT.split())
    assert [each for each in shown if each not in text] == []
