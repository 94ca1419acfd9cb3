"""URLs in one spelling, and the way there; Node's own URL is the oracle."""

import json
import subprocess
from contextlib import suppress
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandboxd.policy.location import serialise
from sandboxd.policy.url import UrlError, parse
from sandboxd.pool.runtime import find_node

HOSTS = [
    "example.com",
    "EXAMPLE.com",
    "example.com.",
    "127.0.0.1",
    "127.1",
    "0x7f.1",
    "0177.0.0.1",
    "2130706433",
    "0",
    "1.2.3.4.5",
    "1.2.3",
    "1.2.3.4.",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[2001:DB8::1]",
    "[2001:db8:0:0:1:0:0:1]",
    "[2001:0:db8::1:2:3:4]",
    "[fe80::1%25eth0]",
    "[::1",
    "exa%6dple.com",
    "ex%00ample.com",
    "\u24d4xample.com",
    "b\u00fccher.example",
    "xn--bcher-kva.example",
    "ex ample.com",
    "a_b.example",
    "user@example.com",
    "user:pw@example.com",
    "@example.com",
    "example.com@127.0.0.1",
    "",
    "-a.example",
    "a..b",
]
PORTS = ["", ":", ":80", ":443", ":080", ":8080", ":65535", ":65536", ":0", ":x", ": 80"]
RESTS = [
    "",
    "/",
    "/a/../b/./c",
    "/a%2e%2E/b",
    "?q=1",
    "/?q='\"<>`{}|^\u00e9",
    '/p a\u00e9"<>`{}|^\\x',
    "#f",
    "/a?b#c",
    "\\evil",
    "/it's",
    "/~!$&()*+,;=:@[]|",
    "/?[]`{}|\\^",
    "/a/%2E",
    "/.../x",
]
SCHEMES = ["http://", "https://", "HTTP://", "http:", "http:/", "https:\\\\", "http:///", "ftp://", "file:///", "//"]

SPELLINGS = [
    *(f"{scheme}{host}{port}/" for scheme, host, port in product(SCHEMES[:3], HOSTS, PORTS)),
    *(f"{scheme}example.com{rest}" for scheme, rest in product(SCHEMES, RESTS)),
    " http://example.com/ ",
    "ht\ntp://exam\tple.com/\r\n",
    "javascript:alert(1)",
    "data:text/plain,x",
    "blob:http://example.com/1",
    "ws://example.com/",
    "x",
    "",
]
RELATIVES = [
    "",
    "x",
    "/x",
    "../x",
    "./",
    "..",
    "?q",
    "#f",
    "//other.example/x",
    "\\\\other.example\\x",
    "/a/%2e%2e/b",
    "http:x",
    "http:/x",
]
BASES = ["http://a.example/b/c?d", "https://a.example:8443/b/c/", "http://[2001:db8::1]/"]

_PROGRAM = """
const told = JSON.parse(require('fs').readFileSync(0, 'utf8')).map(([text, base]) => {
  if (!URL.canParse(text, base ?? undefined)) return null;
  const url = new URL(text, base ?? undefined);
  url.hash = '';
  return [url.href, url.protocol, url.hostname, url.port];
});
process.stdout.write(JSON.stringify(told));
"""


def standard(pairs: list[tuple[str, str | None]]) -> list[list[str] | None]:
    """What Node makes of texts and bases: href, protocol, hostname, port; None for what is no URL."""
    node = [find_node("").path, "-e", _PROGRAM]
    done = subprocess.run(node, input=json.dumps(pairs).encode(), capture_output=True, check=True, timeout=90)
    told = json.loads(done.stdout)
    assert len(told) == len(pairs)
    return told  # type: ignore[no-any-return]


def test_of_all_spellings_only_the_serialised_one_is_read() -> None:
    """A text that Node would write otherwise is refused; of one that it writes so, host and port are the same as Node's."""
    read = 0
    for text, told in zip(SPELLINGS, standard([(text, None) for text in SPELLINGS]), strict=True):
        try:
            url = parse(text)
        except UrlError:
            continue
        read += 1
        assert told is not None, text
        href, protocol, hostname, port = told
        shown = f"[{url.host}]" if ":" in url.host else url.host
        default = {"http": 80, "https": 443}[url.scheme]
        assert (str(url), f"{url.scheme}:", shown, url.port) == (text, protocol, hostname, int(port) if port else default)
        assert href == text
    assert read > 30


def test_what_the_standard_serialises_can_be_read() -> None:
    """All that Node makes of the spellings is read, but other schemes, userinfo, port 0, and hosts that no name server has."""
    refused: dict[str, set[str]] = {}
    for told in standard([(text, None) for text in SPELLINGS]):
        if told is None:
            continue
        href, protocol, hostname, port = told
        try:
            assert str(parse(href)) == href
        except UrlError as error:
            odd = {"url.scheme": protocol, "url.credentials": "@" * ("@" in href), "url.port": port}.get(error.rule, hostname)
            refused.setdefault(error.rule, set()).add(odd)
    schemes = {"ftp:", "file:", "javascript:", "data:", "blob:", "ws:"}
    hosts = {"example.com.", "-a.example", "a..b"}
    assert refused == {"url.scheme": schemes, "url.credentials": {"@"}, "url.port": {"0"}, "url.host": hosts}


def test_a_location_is_read_as_the_standard_reads_it() -> None:
    """Relative, absolute, with backslashes, dots and odd spaces: the serialised form is Node's, or it is refused."""
    pairs = [(text, base) for base in BASES for text in [*RELATIVES, *SPELLINGS]]
    same = 0
    for (text, base), told in zip(pairs, standard(pairs), strict=True):
        ours = serialise(text, parse(base))
        try:
            url = parse(ours)
        except UrlError:
            continue
        assert told is not None, (text, base)
        assert str(url) == told[0], (text, base)
        same += 1
    assert same > 300


@given(st.text(), st.sampled_from(BASES))
def test_any_location_is_read(text: str, base: str) -> None:
    """Whatever stands there leads to a URL or to a refusal, never to another error."""
    with suppress(UrlError):
        assert parse(serialise(text, parse(base))).host


@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    """What is read is what stands there."""
    with suppress(UrlError):
        assert str(parse(text)) == text


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("ftp://example.com/", "url.scheme"),
        ("file:///etc/passwd", "url.scheme"),
        ("gopher://127.0.0.1:6379/_x", "url.scheme"),
        ("data:,x", "url.scheme"),
        ("//example.com/", "url.form"),
        ("http://example.com", "url.form"),
        ("http:///", "url.form"),
        ("http://example.com/\r\nX: y", "url.form"),
        ("http://example.com/a b", "url.form"),
        ("http://example.com/#f", "url.form"),
        ("http://example.com\\@127.0.0.1/", "url.credentials"),
        ("http://u:p@example.com/", "url.credentials"),
        ("http://example.com:80/", "url.port"),
        ("http://example.com:99999/", "url.port"),
        ("http://EXAMPLE.com/", "url.host"),
        ("http://example.com./", "url.host"),
        ("http://" + "a." * 200 + "com/", "url.host"),
        ("http://example.com/" + "a" * 17_000, "url.length"),
    ],
)
def test_each_rule_has_its_name(text: str, rule: str) -> None:
    """What is refused says by what."""
    with pytest.raises(UrlError) as caught:
        parse(text)
    assert caught.value.rule == rule
