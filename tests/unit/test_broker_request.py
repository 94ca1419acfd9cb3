"""What goes out."""

import pytest

from sandboxd.broker.capability import CallRefused
from sandboxd.broker.request import Request
from sandboxd.policy.url import parse

HERE = parse("https://a.example/x/y?z")


def request(method: str = "GET", *headers: tuple[str, str], body: bytes | None = None) -> Request:
    return Request.checked(method, HERE, headers, body)


def wire(asked: Request, **secrets: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """The headers as they go out, by name in lower case; no name twice."""
    found = [(name.decode().lower(), value.decode("latin-1")) for name, value in asked.wire_headers(secrets)]
    assert len(dict(found)) == len(found)
    return dict(found)


def test_the_defaults() -> None:
    """Host, and what a server expects to be told."""
    assert wire(request()) == {
        "host": "a.example",
        "accept": "*/*",
        "accept-encoding": "gzip, deflate, br",
        "user-agent": "sandboxd",
    }


def test_the_code_s_own_headers_go_before_the_defaults() -> None:
    """What it sets is what is sent."""
    sent = wire(request("GET", ("ACCEPT", "text/x"), ("accept-encoding", "br"), ("User-Agent", "mine"), ("X-\u007e", "\u00e9")))
    assert (sent["accept"], sent["accept-encoding"], sent["user-agent"], sent["x-~"]) == ("text/x", "br", "mine", "\u00e9")


def test_a_range_is_asked_for_without_an_encoding() -> None:
    """A part of an encoded body could not be decoded."""
    assert wire(request("GET", ("Range", "bytes=0-1")))["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    "name",
    [
        *("Host", "hOST", "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Upgrade", "Expect", "TE"),
        *("Trailer", "Proxy-Authorization", "Proxy-Connection", "Via", "HTTP2-Settings"),
    ],
)
def test_what_is_ours_is_not_the_code_s_to_say(name: str) -> None:
    """Hop-by-hop headers and the length are dropped, as the standard drops them."""
    sent = wire(request("POST", (name, "evil"), body=b"ab"))
    assert ("evil" not in sent.values(), sent["host"], sent["content-length"]) == (True, "a.example", "2")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X", "a\r\nY: b"),
        ("X", "a\nb"),
        ("X", "a\rb"),
        ("X", "a\0b"),
        ("X", "\u0100"),
        ("X", "\u010d\u010a"),
        ("X\r\nY", "a"),
        ("X Y", "a"),
        ("X:", "a"),
        ("", "a"),
        (" X", "a"),
        ("X\u00e9", "a"),
        ("X" * 300, "a"),
        ("X", "\x7f"),
    ],
)
def test_no_header_smuggles_another_in(name: str, value: str) -> None:
    """What is not one line of a header is refused."""
    with pytest.raises(CallRefused) as caught:
        request("GET", (name, value))
    assert caught.value.rule == "request.header"


@pytest.mark.parametrize(
    "method", ["CONNECT", "connect", "TRACE", "TRACK", "trace", "", "A B", "GET /\r\n", "G\u00c9T", "GET\0"]
)
def test_methods_that_are_none_are_refused(method: str) -> None:
    """Tunnels, echoes, and what is not a token."""
    with pytest.raises(CallRefused) as caught:
        request(method)
    assert caught.value.rule == "request.method"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_get_has_no_body(method: str) -> None:
    """A length on a GET is how requests are smuggled."""
    with pytest.raises(CallRefused):
        request(method, body=b"x")


@pytest.mark.parametrize(("method", "length"), [("POST", "0"), ("PUT", "0"), ("PATCH", "0"), ("DELETE", None), ("GET", None)])
def test_a_body_that_is_absent_has_a_length_where_one_is_expected(method: str, length: str | None) -> None:
    """As the standard has it."""
    assert wire(request(method)).get("content-length") == length


def test_a_credential_replaces_what_the_code_has_set() -> None:
    """It is for its host only, and no code can put another in its place."""
    secrets = {"a.example": (("Authorization", "Bearer s"),), "b.example": (("X-Key", "k"),)}
    sent = wire(request("GET", ("authorization", "mine")), **secrets)
    assert (sent["authorization"], "x-key" in sent) == ("Bearer s", False)
