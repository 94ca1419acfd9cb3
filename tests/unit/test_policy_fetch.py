"""The fetch part of a profile: what is shipped, what refuses to load, and how a URL is judged."""

from collections.abc import Callable

import pytest

from sandboxd.policy.fetch import Credential, judge
from sandboxd.policy.load import load_policy
from tests.support.brokers import fetch_of, host
from tests.unit.test_policy_load import FILES, PROFILE, edited, line_of, problems

SHIPPED = load_policy(FILES).profiles["code-nodes"].fetch
assert SHIPPED is not None

# The Fetch standard's list of bad ports, as it stands there.
BAD_PORTS = """
0 1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 111 113 115 117 119 123 135 137 139 143
161 179 389 427 465 512 513 514 515 526 530 531 532 540 548 554 556 563 587 601 636 989 990 993 995 1719 1720 1723 2049 3659
4045 4190 5060 5061 6000 6566 6665 6666 6667 6668 6669 6679 6697 10080
"""


def with_fetch(text: str) -> dict[str, str]:
    """The shipped profile with more lines in front of its limits of fetch."""
    return edited(PROFILE, "[fetch.limits.calls]", f"{text}\n[fetch.limits.calls]")


def test_the_shipped_hosts_are_the_document_s() -> None:
    """The four of the API's document, and loopback for the two that are loopback."""
    assert SHIPPED is not None
    assert [(each.host, each.reach) for each in SHIPPED.hosts] == [
        ("localhost", ["loopback"]),
        ("127.0.0.1", ["loopback"]),
        ("api.example.com", []),
        ("jsonplaceholder.typicode.com", []),
    ]


def test_the_shipped_limits_are_the_contract_s() -> None:
    """60 calls, 6 at once, 10 s each, 5 MB a response."""
    assert SHIPPED is not None
    limits = SHIPPED.limits
    found = (limits.calls.most, limits.concurrent.most, limits.wall_ms.most, limits.response_bytes.most)
    assert found == (60, 6, 10_000, 5 << 20)


@pytest.mark.parametrize(
    "port", sorted({*BAD_PORTS.split(), "3306", "5432", "6379", "9200", "11211", "27017", "2375"} - {"0"}, key=int)
)
def test_blocked_ports_are_refused_on_loopback(port: str) -> None:
    """The standard's bad ports, and those of databases and caches."""
    assert SHIPPED is not None
    assert judge(SHIPPED, f"http://localhost:{port}/").rule == "egress.blocked_port"


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost/",
        "http://localhost:3000/api/data?x=1",
        "http://127.0.0.1:8080/",
        "https://api.example.com/",
        "https://jsonplaceholder.typicode.com/posts/1",
        "http://jsonplaceholder.typicode.com:8080/",
    ],
)
def test_what_is_listed_is_allowed(url: str) -> None:
    """By the entry of its host."""
    assert SHIPPED is not None
    verdict = judge(SHIPPED, url)
    assert verdict.entry is not None
    assert (verdict.entry.host in url, str(verdict.url)) == (True, url)


def test_an_entry_that_names_a_blocked_port_opens_it() -> None:
    """Who writes it down means it."""
    fetch = fetch_of(host("a.example", ports=[6379]), host("b.example"))
    assert judge(fetch, "http://a.example:6379/").entry is not None
    assert judge(fetch, "http://b.example:6379/").entry is None


def test_of_several_entries_for_a_host_each_opens_its_own() -> None:
    """Scheme and port belong together."""
    fetch = fetch_of(host("a.example", schemes=["https"], ports=[443]), host("a.example", schemes=["http"], ports=[8080]))
    found = {url: judge(fetch, url).rule for url in ("https://a.example/", "http://a.example:8080/", "https://a.example:8080/")}
    assert list(found.values()) == ["", "", "egress.port"]


ENTRY = '[[fetch.hosts]]\nhost = "{}"\nwhy = "It is there for the test."\n'
CREDENTIAL = '[[fetch.credentials]]\nhost = "{}"\nheader = "Authorization"\nwhy = "It is there for the test."\n'


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        (ENTRY.format("API.example"), "hosts[4].host", "not written as"),
        (ENTRY.format("*.example"), "hosts[4].host", "not written as"),
        (ENTRY.format("http://a.example"), "hosts[4].host", "not written as"),
        (ENTRY.format("a.example:80"), "hosts[4].host", "not written as"),
        (ENTRY.format("127.1"), "hosts[4].host", "no IPv4 address"),
        (ENTRY.format("[::1]"), "hosts[4].reach", 'says reach = ["loopback"]'),
        (ENTRY.format("x.localhost"), "hosts[4].reach", 'says reach = ["loopback"]'),
        (ENTRY.format("10.0.0.1"), "hosts[4].reach", 'says reach = ["private"]'),
        (ENTRY.format("169.254.169.254"), "hosts[4].host", "metadata, which no profile can open"),
        (ENTRY.format("[::ffff:a00:1]"), "hosts[4].host", "translated, which no profile can open"),
        (ENTRY.format("a.example") + "schemes = []", "hosts[4].schemes", "there is none"),
        (ENTRY.format("a.example") + 'schemes = ["ftp"]', "hosts[4].schemes", "Invalid enum"),
        (ENTRY.format("a.example") + "ports = [0]", "hosts[4].ports", "Expected `int` >= 1"),
        (ENTRY.format("a.example") + 'reach = ["metadata"]', "hosts[4].reach", "Invalid enum"),
        (ENTRY.format("a.example") + "more = 1", "hosts[4].more", "unknown key"),
        ('[[fetch.hosts]]\nhost = "a.example"', "hosts[4].why", "missing"),
        (
            '[[fetch.blocked_ports]]\nports = "1 x"\nwhy = "It is there for the test."',
            "blocked_ports[2].ports",
            "x is not a port",
        ),
        ('[[fetch.blocked_ports]]\nports = "65536"\nwhy = "It is there for the test."', "blocked_ports[2].ports", "not a port"),
        (CREDENTIAL.format("nobody.example") + 'value = "x"', "credentials[0].host", "none of the profile's hosts"),
        (CREDENTIAL.format("api.example.com") + 'value = "x"', "credentials[0].host", "without TLS"),
        (CREDENTIAL.format("localhost") + 'value = "x"', "credentials[0].host", "on any port"),
    ],
)
def test_a_bad_entry_is_named_with_its_line(text: str, key: str, words: str) -> None:
    """File, line, key and what is wrong; the line lies within the table."""
    changed = with_fetch(text)
    first = changed[PROFILE][: changed[PROFILE].index(text)].count("\n") + 1
    found = [each for each in problems(**changed) if f": fetch.{key}: " in each]
    assert found, problems(**changed)
    assert words in found[0]
    assert first <= int(found[0].split(":")[1]) <= first + text.count("\n"), found[0]


@pytest.mark.parametrize(
    ("lines", "key"),
    [
        ('header = "Host"\nvalue = "x"', "header"),
        ('header = "Content-Length"\nvalue = "x"', "header"),
        ('header = "A B"\nvalue = "x"', "header"),
        ('header = "X"', "value"),
        ('header = "X"\nvalue = "x"\nfile = "/x"', "value"),
        ('header = "X"\nvalue = "x\\r\\nY: z"', "value"),
        ('header = "X"\nvalue = "x"\nprefix = "\\n"', "value"),
    ],
)
def test_a_bad_credential_is_named(lines: str, key: str) -> None:
    """What cannot be a header, and what has no value or two."""
    secret = f'[[fetch.credentials]]\nhost = "a.example"\nwhy = "It is there for the test."\n{lines}'
    listed = ENTRY.format("a.example") + 'schemes = ["https"]\nports = [443]\n'
    (found,) = problems(**with_fetch(listed + secret))
    assert f": fetch.credentials[0].{key}: " in found


@pytest.mark.parametrize(
    "url", ["http://localhost:3000", "localhost:3000/", "http://evil.example/", "http://localhost:6379/", "ftp://localhost/"]
)
def test_a_base_url_that_could_not_be_asked_is_refused(url: str) -> None:
    """It has to be one of the hosts, and a whole URL."""
    changed = edited(PROFILE, '# base_url = ""', f'base_url = "{url}"')
    (found,) = problems(**changed)
    assert found.startswith(f"{PROFILE}:{line_of(PROFILE, '# base_url')}: fetch.base_url: ")


def test_a_profile_without_fetch_grants_none() -> None:
    """The table may be absent; there is no other way to switch it off."""
    text = FILES[PROFILE]
    changed = text[: text.index("[fetch]")] + text[text.index("[[globals]]") :]
    assert load_policy(FILES | {PROFILE: changed}).profiles["code-nodes"].fetch is None


@pytest.mark.parametrize("show", [repr, str, lambda credential: repr([credential]), lambda credential: f"{credential!r:>9}"])
def test_a_credential_does_not_show_its_value(show: Callable[[Credential], str]) -> None:
    """Not in a log, not in a traceback."""
    credential = Credential("a.example", "Authorization", "It is there for the test.", value="s3cret", prefix="s3cret")
    assert "s3cret" not in show(credential)
