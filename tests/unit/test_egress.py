"""The egress guard: hostile URLs and hostile answers of name servers, each refused by the rule that is meant to."""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
import trio

from sandboxd.broker import egress
from sandboxd.broker.egress import is_here
from sandboxd.broker.resolver import SystemResolver
from tests.support.brokers import ask, fetch_of, host, opened_session, refusal, value
from tests.support.upstream import Names, Upstream, open_upstream, response

LISTED = "api.example"
WITHOUT_LOOPBACK = fetch_of(
    host(LISTED, schemes=["https", "http"]),
    host("tls.example", schemes=["https"]),
    host("port.example", ports=[443, 8443]),
    calls=1000,
)


def words(text: str) -> list[str]:
    """What stands between white space."""
    return text.split()


# What stands for the port of a server that would notice a connection is PORT.
URLS: dict[str, list[str]] = {
    "url.scheme": words("""
        file:///etc/passwd ftp://api.example/ gopher://127.0.0.1:6379/_PING data:text/html,x javascript:alert(1) blob:null/1
        ws://api.example/ wss://api.example/ dict://127.0.0.1:PORT/ ldap://127.0.0.1/ jar:http://api.example!/ about:blank
        unix:///run/docker.sock http+unix://%2frun%2fdocker.sock/ netdoc:///etc/passwd tftp://127.0.0.1/x
    """),
    "url.credentials": words("""
        http://user@api.example/ http://user:pw@api.example/ http://api.example@127.0.0.1:PORT/ http://:@api.example/
        http://127.0.0.1:PORT\\@api.example/ http://api.example:80@127.0.0.1/ https://a%40b@api.example/ http://@api.example/
    """),
    "url.form": [
        "",
        "api.example",
        "//api.example/",
        "/path",
        "http:api.example/",
        "http:/api.example/",
        "http:///api.example/",
        "http://",
        "http:///",
        "http://?",
        "http://api.example",
        "http://api.example?x",
        "http://api.example/#x",
        "http://api.example/a b",
        "http://api.example/\r\nHost: 127.0.0.1",
        "http://api.example/\nX: y",
        "http://api.example/\x00",
        "http://api.example/\u2028",
        "http://api.example/\u010d\u010aX: y",
        "http://api.ex\u0430mple/",
        "http://\uff11\uff12\uff17.0.0.1/",
        "http://\u2460\u2461\u2466.0.0.1:PORT/",
        "http://127\u30020\u30020\u30021/",
        "http://api.example/..",
        "http://api.example/a/../b",
        "http://api.example/%2e%2e/b",
        "http://api.example/a\\b",
        'http://api.example/"',
        " http://api.example/",
        "HTTP://api.example/",
        "http://api.example\t/",
    ],
    "url.host": words("""
        http://API.example/ http://api.example./ http://api..example/ http://.api.example/ http://api.example%00.x/
        http://api%2eexample/ http://%31%32%37.0.0.1/ http://api.example:PORT:80/ http://api.example\\x/
        http://127.1/ http://127.0.1/ http://0x7f.0.0.1/ http://0x7f000001/ http://0X7F000001/ http://0177.0.0.1/ http://2130706433/
        http://017700000001/ http://127.0.0.1./ http://127.00.0.1/ http://1.2.3.4.5/ http://256.0.0.1/ http://0/ http://0x/ http://1/
        http://4294967297/ http://api.0x7f/ http://127.0.0.0x1/ http://[::1/ http://::1/ http://[::1]]/ http://[]/ http://[1]/
        http://[::1%25lo]/ http://[fe80::1%eth0]/ http://[0:0:0:0:0:0:0:1]/ http://[::0001]/ http://[::FFFF:7f00:1]/
        http://[::ffff:127.0.0.1]/ http://[2001:db8:0:0:0:0:0:1]/ http://[v1.x]/ http://[::1]x/ http://-api.example/
        http://localhost:PORT\\.api.example/ http://api.example;x/ http://api.example,127.0.0.1/ http://(api.example)/
    """),
    "url.port": words("""
        http://api.example:80/ https://api.example:443/ http://api.example:080/ http://api.example:0/ http://api.example:65536/
        http://api.example:00443/ http://api.example:99999999999999999999/
    """),
    "egress.host": words("""
        http://127.0.0.1/ http://127.0.0.1:PORT/ http://127.0.0.2:PORT/ http://127.255.255.255/ http://0.0.0.0:PORT/ http://10.0.0.1/
        http://172.16.0.1/ http://192.168.1.1/ http://169.254.169.254/latest/meta-data/ http://100.100.100.200/ http://168.63.129.16/
        http://[::1]:PORT/ http://[::]:PORT/ http://[::ffff:7f00:1]:PORT/ http://[fe80::1]/ http://[fc00::1]/ http://[fd00:ec2::254]/
        http://[64:ff9b::7f00:1]/ http://[2002:7f00:1::]/ http://[2001:0:7f00:1::]/ http://[ff02::1]/ http://localhost:PORT/
        http://localhost.localdomain:PORT/ http://x.localhost:PORT/ http://ip6-localhost:PORT/ http://metadata.google.internal/
        http://metadata/ http://evil.example/ http://api.example.evil.example/ http://evil-api.example/ http://evil.api.example/
        http://xn--pi-6kc.example/ http://api-example/ http://api.example.com/ http://kubernetes.default.svc/ http://127.0.0.1.nip.io/
        http://spoofed.burpcollaborator.net/ http://api_example/ http://example/ http://a.api.example:8080/ http://tls.example.api.example/
    """),
    "egress.scheme": ["http://tls.example/", "http://tls.example:443/", "http://tls.example:8080/"],
    "egress.port": ["http://port.example/", "http://port.example:8080/", "https://port.example:22/"],
    "egress.blocked_port": [
        f"http://api.example:{port}/"
        for port in (
            1,
            22,
            25,
            53,
            110,
            143,
            587,
            993,
            2375,
            2379,
            3306,
            5432,
            6000,
            6379,
            6443,
            8500,
            9200,
            10250,
            11211,
            27017,
        )
    ],
}
ANSWERS: dict[str, list[str]] = {
    "egress.loopback": [
        "127.0.0.1",
        "127.0.0.2",
        "127.255.255.254",
        "::1",
        "93.184.216.34 127.0.0.1",
        "127.0.0.1 93.184.216.34",
    ],
    "egress.private": [
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.0.1",
        "fc00::1",
        "fd12:3456::1",
        "fec0::1",
        "1.1.1.1 10.1.1.1",
    ],
    "egress.metadata": [
        "169.254.169.254",
        "169.254.170.2",
        "100.100.100.200",
        "168.63.129.16",
        "fd00:ec2::254",
        "1.1.1.1 169.254.169.254",
    ],
    "egress.link-local": ["169.254.0.1", "169.254.255.255", "fe80::1", "fe80::1%lo", "2606:4700::1111%1"],
    "egress.carrier": ["100.64.0.1", "100.127.255.255"],
    "egress.unspecified": ["0.0.0.0", "0.1.2.3", "::"],
    "egress.multicast": ["224.0.0.1", "239.255.255.250", "ff02::1", "ff05::2"],
    "egress.reserved": ["240.0.0.1", "255.255.255.255", "192.0.0.8", "100::1", "4000::1", "5f00::1", "2001:20::1"],
    "egress.documentation": ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"],
    "egress.benchmark": ["198.18.0.1", "2001:2::1"],
    "egress.translated": [
        "::ffff:127.0.0.1",
        "::ffff:7f00:1",
        "::7f00:1",
        "::ffff:0:7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
    ],
    "egress.tunnel": ["2002:7f00:1::", "2001:0:4136:e378::", "192.88.99.1"],
    "egress.malformed": ["localhost", "127.1", "0x7f000001", "2130706433", "1.2.3.4/8"],
    "upstream.name": ["", " ".join(["1.1.1.1"] * 65)],
}
EVERY_URL = [(rule, url) for rule, urls in URLS.items() for url in urls]
EVERY_ANSWER = [(rule, answer) for rule, answers in ANSWERS.items() for answer in answers]


@contextmanager
def silent(port: int) -> Iterator[None]:
    """127.0.0.66 with a full backlog: the kernel drops whoever knocks."""
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.66", port))
        full.listen(0)
        for each in (first, second):
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        yield


@pytest.fixture
async def witness() -> AsyncIterator[Upstream]:
    """A server that would notice."""
    async with open_upstream({"/": response(b"secret")}) as upstream:
        yield upstream


async def test_hostile_urls_are_refused(witness: Upstream) -> None:
    """Each by its rule, before any name server is asked; nobody connects, and no address of the inside is told."""
    names = Names(**{LISTED: ["127.0.0.1"]})
    async with opened_session(WITHOUT_LOOPBACK, resolve=names) as session:
        for rule, url in EVERY_URL:
            found = await refusal(session, url.replace("PORT", str(witness.port)))
            assert (found.rule, found.name, found.message[:14]) == (rule, "TypeError", "fetch failed: "), url
    assert (witness.connections, names.asked) == (0, [])


async def test_hostile_answers_are_refused(witness: Upstream) -> None:
    """A name is resolved once, and one bad address among its addresses refuses it; the message does not tell which one."""
    for rule, answer in EVERY_ANSWER:
        names = Names(**{LISTED: answer.split()})
        async with opened_session(WITHOUT_LOOPBACK, resolve=names) as session:
            found = await refusal(session, f"http://{LISTED}:{witness.port}/")
        assert found.rule == rule, answer
        assert not any(address in found.message for address in answer.split() if len(address) > 2), found.message
        assert names.asked == [LISTED]
    assert witness.connections == 0


def test_the_tables_are_as_large_as_they_should_be() -> None:
    """At least 150 different ones."""
    assert len(set(EVERY_URL)) >= 150
    assert len(set(EVERY_ANSWER)) >= 50


async def test_a_name_that_changes_its_mind_is_judged_at_each_connection() -> None:
    """Rebinding: the address that was judged is the one that is connected to, and the next connection is judged by itself."""
    names = Names(**{"api.example": [["127.0.0.1"], ["169.254.169.254"], ["127.0.0.1"]]})
    closing = response(b"", "Connection: close")
    async with open_upstream({"/": closing}) as upstream:
        async with opened_session(fetch_of(host("api.example", reach=["loopback"])), resolve=names) as session:
            url = f"http://api.example:{upstream.port}/"
            assert (await value(session, url)).status == 200
            assert (await refusal(session, url)).rule == "egress.metadata"
            assert (await value(session, url)).status == 200
        assert (upstream.connections, names.asked) == (2, ["api.example"] * 3)


async def test_a_connection_that_is_kept_asks_nobody() -> None:
    """What a name server says in between does not matter to it."""
    names = Names(**{"api.example": [["127.0.0.1"], ["10.0.0.1"]]})
    async with open_upstream({"/": response(b"")}) as upstream:
        async with opened_session(fetch_of(host("api.example", reach=["loopback"])), resolve=names) as session:
            for _ in range(3):
                assert (await value(session, f"http://api.example:{upstream.port}/")).status == 200
        assert (upstream.connections, len(names.asked)) == (1, 1)


async def test_localhost_is_this_machine_whatever_a_name_server_says() -> None:
    """Nobody is asked for it."""
    names = Names(localhost=["93.184.216.34"])
    async with open_upstream({"/": response(b"here")}) as upstream:
        async with opened_session(fetch_of(host("localhost", reach=["loopback"])), resolve=names) as session:
            assert (await value(session, f"http://localhost:{upstream.port}/")).body == b"here"
    assert names.asked == []


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "api.example", "127.0.0.53"])
async def test_the_daemon_itself_is_never_asked(name: str) -> None:
    """Its own port is refused on every address of the machine, by whatever name, though the profile opens loopback."""
    fetch = fetch_of(host(name, reach=["loopback"]))
    async with open_upstream({"/": response(b"")}) as upstream:
        outside = {"resolve": Names(**{"api.example": ["127.0.0.1"]}), "own_ports": frozenset({upstream.port})}
        async with opened_session(fetch, **outside) as session:
            assert (await refusal(session, f"http://{name}:{upstream.port}/")).rule == "egress.own"
    assert upstream.connections == 0


async def test_the_daemon_s_port_on_another_machine_is_another_server() -> None:
    """Only this machine's addresses are its own."""
    assert [is_here(address) for address in ("127.0.0.1", "127.9.9.9", "0.0.0.0")] == [True] * 3
    assert [is_here(address) for address in ("93.184.216.34", "2606:4700::1111", "10.255.255.1")] == [False] * 3


async def test_the_addresses_are_tried_in_their_order() -> None:
    """One that does not accept is passed over for the next."""
    names = Names(**{"api.example": ["127.0.0.77", "127.0.0.1"]})
    async with open_upstream({"/": response(b"second")}) as upstream:
        async with opened_session(fetch_of(host("api.example", reach=["loopback"])), resolve=names) as session:
            assert (await value(session, f"http://api.example:{upstream.port}/")).body == b"second"


async def test_an_address_that_says_nothing_does_not_use_up_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is neither accepted nor refused is given up when there is another address."""
    monkeypatch.setattr(egress, "ATTEMPT_S", 0.2)
    names = Names(**{"api.example": ["127.0.0.66", "127.0.0.1"]})
    async with open_upstream({"/": response(b"second")}) as upstream:
        with silent(upstream.port):
            async with opened_session(fetch_of(host("api.example", reach=["loopback"])), resolve=names) as session:
                assert (await value(session, f"http://api.example:{upstream.port}/")).body == b"second"


async def test_a_dead_name_server_keeps_no_other_name_waiting() -> None:
    """While one name is being resolved, and never is, others are asked."""

    async def resolve(name: str) -> list[str]:
        if name == "dead.example":
            await trio.sleep_forever()
        return ["127.0.0.1"]

    fetch = fetch_of(host("dead.example", reach=["loopback"]), host("api.example", reach=["loopback"]))
    async with open_upstream({"/": response(b"")}) as upstream, opened_session(fetch, resolve=resolve) as session:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, session, "http://dead.example/")
            assert (await value(session, f"http://api.example:{upstream.port}/")).status == 200
            nursery.cancel_scope.cancel()


async def test_the_environment_s_proxies_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the operator's shell says about proxies."""
    async with open_upstream({"/": response(b"direct")}) as upstream, open_upstream({}) as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        async with opened_session(fetch_of(host("127.0.0.1", reach=["loopback"]))) as session:
            assert (await value(session, f"{upstream.url}/")).body == b"direct"
        assert proxy.connections == 0


async def test_the_machine_s_resolver_is_asked_in_threads() -> None:
    """What it says of a name that every machine has; a name that cannot be is an OSError."""
    resolve = SystemResolver()
    assert set(await resolve("localhost")) <= {"127.0.0.1", "::1"}
    with pytest.raises(OSError):
        await resolve("")
