"""The documents as a whole: links lead somewhere, the index is complete, and what is made from the code is what it makes."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import fields

from sandboxd.api.operations import OPERATIONS
from sandboxd.api.problems import TABLE
from sandboxd.config import Settings
from sandboxd.models import Status
from tests.support.documents import HOME, text_of
from tools.reference import texts
from tools.reference.commands import commands
from tools.reference.policy import keys

PAGES = sorted(
    str(path.relative_to(HOME))
    for path in (HOME, *(HOME / name for name in ("docs", "examples")))
    for path in path.glob("*.md")
) + sorted(str(path.relative_to(HOME)) for path in (HOME / "docs/reference").glob("*.md"))
_LINK = re.compile(r"(?<!\!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")


@pytest.mark.parametrize("path", sorted(texts()))
def test_a_page_that_is_made_from_the_code_is_what_that_makes(path: str) -> None:
    """`make docs` writes it anew."""
    assert text_of(f"docs/{path}") == texts()[path], "say make docs"


def links(path: str) -> Iterator[tuple[Path, str]]:
    """Where the links of a page within the repository lead: a file, and a heading in it or nothing."""
    for link in _LINK.finditer(text_of(path)):
        target, _, heading = (link[1] or link[2]).partition("#")
        if "://" not in target:
            yield ((HOME / path).parent / target).resolve() if target else HOME / path, heading


@pytest.mark.parametrize("path", PAGES)
def test_every_link_leads_somewhere(path: str) -> None:
    """To a file that is there, and a heading in it."""
    for target, heading in links(path):
        assert target.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
            assert heading in [re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings]


def test_every_page_is_in_the_index() -> None:
    """docs/README.md leads to each, but for itself."""
    led_to = {target for target, _ in links("docs/README.md")}
    assert [path for path in PAGES if path != "docs/README.md" and HOME / path not in led_to | {HOME / "README.md"}] == []


def rows(path: str) -> str:
    """The first cells of all tables of a page."""
    return "\n".join(line.split(" | ")[0] for line in text_of(path).splitlines() if line.startswith("| "))


def test_every_setting_is_explained() -> None:
    """With its table before it."""
    found, told = rows("docs/reference/settings.md"), []
    for field in fields(Settings):
        inner = getattr(Settings(), field.name)
        told += (
            [f"{field.name}.{name}" for name in inner.__struct_fields__]
            if hasattr(inner, "__struct_fields__")
            else [field.name]
        )
    assert [key for key in told if f"`{key}`" not in found] == []


def test_every_command_is_explained() -> None:
    """And each of its options."""
    text = text_of("docs/reference/commands.md")
    for path, command in commands():
        part = text[text.index(f"## {path}\n") :].partition("\n\n## ")[0]
        assert [
            option for each in command.params for option in each.opts if option.startswith("-") and option not in part
        ] == []


def test_every_key_of_a_policy_is_explained() -> None:
    """Those of the structs that are loaded, and so of the shipped files."""
    from sandboxd.policy.model import Profile, Tier

    found = rows("docs/reference/policy.md")
    told = [key for kind, before in ((Profile, ""), (Tier, "TIER.")) for key, _, _ in keys(kind, before)]
    assert len(told) > 50
    assert [key for key in told if f"`{key}`" not in found] == []


def test_every_operation_is_listed() -> None:
    """By method and path."""
    found = rows("docs/reference/http.md")
    assert [each.path for each in OPERATIONS if f"`{each.method.upper()} {each.path}`" not in found] == []


def test_every_error_and_every_end_is_explained() -> None:
    """Each error that a caller is told, with its status; each end."""
    text = text_of("docs/limits-and-errors.md")
    for kind, (status, _) in TABLE.items():
        first = (kind.__doc__ or "").splitlines()[0]
        assert re.search(rf"^\| {status} .* \| {re.escape(first)} \|", text, re.MULTILINE), first
    assert [status for status in Status if f"\n| {status} | " not in text] == []


def test_the_glossary_is_in_order_and_says_each_word_once() -> None:
    """Sorted, so that a word is found."""
    words = re.findall(r"^\| ([a-z ,]+) \| [A-Z]", text_of("docs/glossary.md"), re.MULTILINE)
    assert len(words) > 30
    assert words == sorted(set(words))
