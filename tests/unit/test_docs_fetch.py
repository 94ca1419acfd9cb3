"""docs/fetch.md says it all: every key of the policy, every rule, and an example that loads."""

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

import sandboxd
from sandboxd.policy.address import Place
from sandboxd.policy.fetch import BlockedPorts, Credential, Fetch, FetchHost, FetchLimits
from sandboxd.policy.load import load_policy
from tests.unit.test_policy_load import FILES, PROFILE

HOME = Path(sandboxd.__file__).parent
TEXT = (HOME.parent / "docs/fetch.md").read_text()
SOURCES = "".join(path.read_text() for folder in ("broker", "policy") for path in (HOME / folder).glob("*.py"))
RULES = set(re.findall(r'(?:rule=|UrlError\(|: \()"([a-z][a-z._]*)"', SOURCES)) | {
    f"egress.{place}" for place in get_args(Place)
}


@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_rule_is_explained(rule: str) -> None:
    """Who reads it in a log finds it here."""
    rows = [line for line in TEXT.splitlines() if line.startswith("| ")]
    assert any(rule in row.split("|")[1].replace(",", " ").split() for row in rows)


def test_the_rules_that_are_explained_exist() -> None:
    """And no others."""
    table = TEXT[TEXT.index("| rule |") :].split("\n\n")[0]
    told = {rule for row in table.splitlines()[2:] for rule in row.split("|")[1].replace(",", " ").split()}
    assert told == RULES | {"end"}


@pytest.mark.parametrize("kind", [Fetch, FetchHost, FetchLimits, Credential, BlockedPorts])
def test_every_key_is_mentioned(kind: type[msgspec.Struct]) -> None:
    """In the example or in the text."""
    assert [field for field in kind.__struct_fields__ if not re.search(rf"\b{field}\b", TEXT)] == []


def test_the_example_loads() -> None:
    """In place of the shipped hosts."""
    example = TEXT[TEXT.index("[fetch]\n") :].split("```")[0]
    text = FILES[PROFILE]
    shipped = text[text.index("[fetch]") : text.index("[[fetch.blocked_ports]]")]
    fetch = load_policy(FILES | {PROFILE: text.replace(shipped, example)}).profiles["code-nodes"].fetch
    assert fetch is not None
    assert ([each.host for each in fetch.hosts], fetch.base_url) == (["api.example.com"], "https://api.example.com/v1/")


def test_the_shipped_limits_are_those_of_the_table() -> None:
    """Each with its number."""
    fetch = load_policy(FILES).profiles["code-nodes"].fetch
    assert fetch is not None
    for name in FetchLimits.__struct_fields__:
        most = getattr(fetch.limits, name).most
        shown = f"{most >> 20} MB" if most >= 1 << 20 else f"{most:,}"
        assert f"| {name} | {shown} |" in TEXT
