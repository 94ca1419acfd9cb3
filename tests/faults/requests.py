"""What is no request, or not quite, and how it must be answered."""

from typing import NamedTuple

from tests.support.daemon import BASE

HIDDEN = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
"""A second request, where a body should be or behind one; `SHOWN` is in its answer."""
SHOWN = b'"alive"'
CLOSED = 0
BODY = b'{"code":"return 1"}'
POST = f"POST {BASE}/execute HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer TOKEN\r\n".encode()
GET = b"GET /livez HTTP/1.1\r\nHost: x\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


class Odd(NamedTuple):
    """Bytes, the statuses one of which they must get first (CLOSED is the end of the connection without a word), and how many
    requests must be answered as HIDDEN is.
    """

    name: str
    raw: bytes
    statuses: tuple[int, ...] = (400,)
    shown: int = 0

    def data(self, token: str) -> bytes:
        """What is sent."""
        return self.raw.replace(b"TOKEN", token.encode())

    def is_right(self, said: bytes) -> bool:
        """Whether the answers are as they must be."""
        if said == b"":
            return CLOSED in self.statuses
        starts = tuple(f"HTTP/1.1 {status} ".encode() for status in self.statuses)
        return said.startswith(starts) and said.count(SHOWN) == self.shown


def _chunked(raw: bytes) -> bytes:
    return POST + CHUNKED + b"\r\n" + raw


def _length(*values: str, body: bytes = HIDDEN) -> bytes:
    return POST + b"".join(f"Content-Length: {value}\r\n".encode() for value in values) + b"\r\n" + body


ODD = (
    Odd("noise", b"\x00\xff\xfe\x01noise\r\n\r\n"),
    Odd("a TLS greeting", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100)),
    Odd("no version", b"GET /livez\r\n\r\n"),
    Odd("half a request line", b"GET /livez\r\n", (CLOSED,)),
    Odd("NUL in the target", b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n"),
    Odd("NUL in a header", b"GET /livez HTTP/1.1\r\nHost: x\x00y\r\n\r\n"),
    Odd("a space in the target", b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n"),
    Odd("no ASCII in the target", b"GET /\xc3\xa4 HTTP/1.1\r\nHost: x\r\n\r\n"),
    Odd("percent signs without numbers", b"GET /%ff%zz HTTP/1.1\r\nHost: x\r\n\r\n", (404,)),
    Odd("a method that is no token", b"G@T /livez HTTP/1.1\r\nHost: x\r\n\r\n"),
    Odd("a long method", b"A" * 5000 + b" /livez HTTP/1.1\r\nHost: x\r\n\r\n", (405,)),
    Odd("CONNECT", b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", (404,)),
    Odd("TRACE", b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", (404,)),
    Odd("OPTIONS *", b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", (404,)),
    Odd("a whole URL", b"GET http://other.example/livez HTTP/1.1\r\nHost: x\r\n\r\n", (200,), 1),
    Odd("no host", b"GET /livez HTTP/1.1\r\n\r\n"),
    Odd("two hosts", b"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    Odd("a space before the colon", b"GET /livez HTTP/1.1\r\nHost : x\r\n\r\n"),
    Odd("a header of 200 KB", GET + b"A: " + b"a" * 200_000 + b"\r\n\r\n", (431,)),
    Odd("twenty thousand headers", GET + b"A: b\r\n" * 20_000 + b"\r\n", (431,)),
    Odd("a target of 200 KB", b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", (431,)),
    Odd("a chunk without a length", _chunked(b"zz\r\n" + BODY + b"\r\n0\r\n\r\n")),
    Odd("a chunk of less than nothing", _chunked(b"-1\r\n" + BODY + b"\r\n0\r\n\r\n")),
    Odd("a chunk that is longer than said", _chunked(b"3\r\n" + BODY + b"\r\n0\r\n\r\n")),
    Odd("both lengths", POST + CHUNKED + b"Content-Length: 5\r\n\r\n0\r\n\r\n"),
    # Where more comes than that the server may close before it answers; what matters is that the rest is nobody's request.
    Odd("both lengths, chunks last", POST + b"Content-Length: 5\r\n" + CHUNKED + b"\r\n0\r\n\r\n" + HIDDEN, (400, CLOSED)),
    Odd("both lengths, chunks first", POST + CHUNKED + b"Content-Length: 5\r\n\r\n0\r\n\r\n" + HIDDEN, (400, CLOSED)),
    Odd("two encodings", POST + CHUNKED + b"Transfer-Encoding: identity\r\n\r\n0\r\n\r\n" + HIDDEN, (400, 501)),
    Odd("another encoding", POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + HIDDEN, (400, 501)),
    Odd("an encoding with a space", POST + b"Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + HIDDEN),
    Odd("an encoding in HTTP/1.0", POST.replace(b"/1.1", b"/1.0") + CHUNKED + b"\r\n0\r\n\r\n" + HIDDEN),
    Odd("two lengths", _length("0", str(len(HIDDEN)))),
    Odd("two lengths in one", _length(f"0, {len(HIDDEN)}")),
    Odd("a length of less than nothing", _length("-1")),
    Odd("a length with a sign", _length("+5")),
    Odd("a length in words", _length("five")),
    Odd("a length beyond all numbers", _length("9" * 30)),
    Odd("five at once", _length(str(len(BODY)), body=BODY) * 5 + HIDDEN, (200,), 1),
    Odd("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5), (404, 400)),
    Odd(
        "an upgrade to HTTP/2",
        GET + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
        (200,),
        1,
    ),
    Odd(
        "an upgrade to a websocket",
        GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    ),
)
SLOW = (Odd("a chunk of more than there is", _chunked(b"f" * 18 + b"\r\n" + BODY), (408, 500)),)
"""What the daemon waits for."""
