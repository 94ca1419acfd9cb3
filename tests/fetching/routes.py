"""What the upstream of the oracle answers: each route is a way in which HTTP can be, or be wrong."""

import base64
import gzip
import json
import zlib
from typing import Final
from urllib.parse import parse_qs, urlsplit

from tests.support.upstream import Raw, Routes, Seen, hang, redirect, response

BYTES: Final = bytes(range(256)) * 3
TEXT: Final = "héllo €😀\r\n".encode()
_BROTLI: Final = base64.b64decode("iweAaMOpbGxvIOKCrPCfmIANCgM=")  # TEXT, as Node's brotliCompressSync gives it
# What the two clients send each in their own way: they connect differently, and ours names itself.
UNLIKE: Final = {"host", "connection", "user-agent"}
"""Headers in which the requests of the two may differ; that ours is right is for the broker's own tests."""


async def echo(seen: Seen, stream: Raw) -> None:
    """The request, as JSON."""
    headers = sorted([name, value] for name, value in seen.headers if name not in UNLIKE)
    body = base64.b64encode(seen.body).decode()
    told = json.dumps({"method": seen.method, "target": seen.target, "headers": headers, "body": body}).encode()
    await stream.send_all(
        response(b"" if seen.method == "HEAD" else told, "Content-Type: application/json", "Connection: close")
    )


async def agent(seen: Seen, stream: Raw) -> None:
    """How the client calls itself."""
    told = json.dumps({"agent": [value for name, value in seen.headers if name == "user-agent"]}).encode()
    await stream.send_all(response(told, "Connection: close"))


async def drip(_: Seen, stream: Raw) -> None:
    """A body that begins and never goes on."""
    await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello")
    await stream.receive_some(1)


async def asked(seen: Seen, stream: Raw) -> None:
    """What the query asks for: a code, a reason, a body, a Location, further headers."""
    query = parse_qs(urlsplit(seen.target).query, keep_blank_values=True)
    status = f"{query.get('code', ['200'])[0]} {query.get('reason', ['Fine'])[0]}"
    headers = [*query.get("header", []), *(f"Location: {to}" for to in query.get("to", [])), "Connection: close"]
    await stream.send_all(response(query.get("body", [""])[0].encode(), *headers, status=status))


async def chain(seen: Seen, stream: Raw) -> None:
    """A redirect to the same with one less, down to nothing."""
    left = int(seen.target.partition("?")[2])
    await stream.send_all(
        redirect(f"/chain?{left - 1}", 302, "Connection: close") if left else response(b"end", "Connection: close")
    )


async def cut(_: Seen, stream: Raw) -> None:
    """Less than was announced."""
    await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello")


async def garbage(_: Seen, stream: Raw) -> None:
    """No HTTP."""
    await stream.send_all(b"SSH-2.0-OpenSSH_9.9\r\n")


async def closed(_: Seen, stream: Raw) -> None:
    """Nothing."""


def raw_deflate(data: bytes) -> bytes:
    """deflate as old servers send it, without zlib's header."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def encoded(body: bytes, coding: str) -> bytes:
    """A text in some content coding."""
    return response(body, "Content-Type: text/plain;charset=utf-8", f"Content-Encoding: {coding}")


ROUTES: Final[Routes] = {
    "/echo": echo,
    "/agent": agent,
    "/drip": drip,
    "/asked": asked,
    "/chain": chain,
    "/cut": cut,
    "/garbage": garbage,
    "/closed": closed,
    "/never": hang,
    "/text": response(TEXT, "Content-Type: text/plain; charset=utf-8"),
    "/bytes": response(BYTES, "Content-Type: application/octet-stream"),
    "/json": response(b'{"a":[1,2,{"b":null}]}', "Content-Type: application/json"),
    "/not-json": response(b"<html>", "Content-Type: application/json"),
    "/bom": response("\ufeff{}".encode(), "Content-Type: application/json"),
    "/latin1": response(b"caf\xe9", "Content-Type: text/plain; charset=iso-8859-1"),
    "/form": response(b"a=1&b=%C3%A9+x&a=2", "Content-Type: application/x-www-form-urlencoded"),
    "/multipart": response(
        b'--x\r\nContent-Disposition: form-data; name="f"; filename="n.txt"\r\nContent-Type: text/x\r\n\r\nhi\r\n--x--\r\n',
        "Content-Type: multipart/form-data; boundary=x",
    ),
    "/empty": response(b""),
    "/no-content": b"HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n",
    "/not-modified": b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n',
    "/early-hints": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + response(b"after"),
    "/chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nX-T: u\r\n\r\n",
    "/headers": response(
        b"",
        "X-Two: 1",
        "x-two: 2",
        "Set-Cookie: a=b; Path=/",
        "Set-Cookie: c=d",
        "X-Latin: caf\xe9",
        "X-Empty:",
        "X-Space:  a  b",
    ),
    "/space": response(b"", "X-Space:  a  b  "),
    "/gzip": encoded(gzip.compress(TEXT), "gzip"),
    "/x-gzip": encoded(gzip.compress(TEXT), "X-GZip"),
    "/deflate": encoded(zlib.compress(TEXT), "deflate"),
    "/raw-deflate": encoded(raw_deflate(TEXT), "deflate"),
    "/br": encoded(_BROTLI, "br"),
    "/twice": encoded(zlib.compress(gzip.compress(TEXT)), "gzip, deflate"),
    "/gzip-members": encoded(gzip.compress(TEXT) + gzip.compress(TEXT), "gzip"),
    "/gzip-big": encoded(gzip.compress(b"0123456789" * 200_000), "gzip"),
    "/gzip-broken": encoded(b"\x1f\x8b\x08\x00 this is no gzip", "gzip"),
    "/gzip-cut": encoded(gzip.compress(TEXT * 100)[:60], "gzip"),
    "/gzip-nothing": encoded(b"", "gzip"),
    "/unknown-coding": encoded(TEXT, "sdch"),
    "/identity": encoded(TEXT, "identity"),
    "/no-location": response(b"here", status="302 Found"),
    "/bad-location": redirect("http://[nowhere"),
    "/file-location": redirect("file:///etc/passwd"),
    "/data-location": redirect("data:,x"),
    "/utf8-location": redirect("/echo?é".encode().decode("latin-1")),
    "/fragment-location": redirect("/text#there"),
    "/loop": redirect("/loop"),
    "/from/a/": redirect("../b?c"),
    "/from/b": response(b"relative"),
    "/password-location": redirect("http://u:p@127.0.0.1:1/"),
}
