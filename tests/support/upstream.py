"""An HTTP server whose every byte the test decides, and a resolver that says what the test wants."""

import queue
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from ssl import SSLContext
from typing import NamedTuple

import trio

from tests.support.engines import until

Raw = trio.abc.Stream


class Seen(NamedTuple):
    """A request as it arrived. Names of headers are in lower case."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    connection: int

    def header(self, name: str) -> str | None:
        """The only header of that name."""
        found = [value for key, value in self.headers if key == name]
        assert len(found) < 2, found
        return found[0] if found else None


Write = Callable[[Seen, Raw], Awaitable[None]]
Routes = Mapping[str, bytes | Write]
"""By path: what is sent, or who writes it. Anything else is answered 404."""


def response(body: bytes = b"", *headers: str, status: str = "200 OK") -> bytes:
    """The bytes of an ordinary answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def redirect(location: str, status: int = 302, *headers: str) -> bytes:
    """The bytes of a redirect."""
    return response(b"", f"Location: {location}", *headers, status=f"{status} Found")


async def hang(_: Seen, stream: Raw) -> None:
    """Never answers."""
    await stream.receive_some(1)


async def endless(_: Seen, stream: Raw) -> None:
    """Answers without end."""
    await stream.send_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        await stream.send_all(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")


class Upstream:
    """A server on loopback. `seen` are the requests so far, `connections` how many there were, `open` how many there are,
    `most_open` how many there were at once.
    """

    def __init__(self, routes: Routes, tls: SSLContext | None = None) -> None:
        self.routes, self._tls = routes, tls
        self.port = 0
        self.seen: list[Seen] = []
        self.connections = self.open = self.most_open = 0

    @property
    def url(self) -> str:
        """Its origin, by number."""
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, stream: trio.SocketStream) -> None:
        """One connection, to its end."""
        self.connections += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            number = self.connections
            carrier: Raw = trio.SSLStream(stream, self._tls, server_side=True) if self._tls is not None else stream
            while (request := await _read(carrier, number)) is not None:
                self.seen.append(request)
                answer = self.routes.get(request.target.partition("?")[0], response(b"", status="404 Not Found"))
                if not isinstance(answer, bytes):
                    await answer(request, carrier)
                    return
                await carrier.send_all(answer)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # whoever asked has gone
        finally:
            self.open -= 1
            await trio.aclose_forcefully(stream)


async def _read(stream: Raw, number: int) -> Seen | None:
    data = b""
    while b"\r\n\r\n" not in data:
        more = await stream.receive_some(65_536)
        if not more:
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    length = next((int(value) for name, value in headers if name == "content-length"), 0)
    chunked = ("transfer-encoding", "chunked") in headers
    while len(body) < length or (chunked and not body.endswith(b"0\r\n\r\n")):
        body += await stream.receive_some(65_536)
    if chunked:
        body = b"".join(body.split(b"\r\n")[1::2])  # of texts without line breaks
    method, target, _ = first.split(" ")
    return Seen(method, target, headers, bytes(body), number)


@asynccontextmanager
async def open_upstream(routes: Routes, tls: SSLContext | None = None) -> AsyncIterator[Upstream]:
    """A server on a free port of 127.0.0.1 for as long as the block lasts."""
    upstream = Upstream(routes, tls)
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    upstream.port = listener.socket.getsockname()[1]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, lambda stream: upstream.serve(stream), [listener])  # a test may change it
        yield upstream
        nursery.cancel_scope.cancel()


class Names:
    """A resolver. Each name has its answers, one after the other; the last one stays."""

    def __init__(self, **answers: list[str] | list[list[str]]) -> None:
        self.asked: list[str] = []
        self._answers = {
            name: [answer] if all(isinstance(each, str) for each in answer) else answer for name, answer in answers.items()
        }

    async def __call__(self, host: str) -> list[str]:
        self.asked.append(host)
        await trio.lowlevel.checkpoint()
        left = self._answers.get(host)
        if left is None:
            raise OSError(f"no address for {host}")
        return left.pop(0) if len(left) > 1 else left[0]


@contextmanager
def running_upstream(routes: Routes) -> Iterator[Upstream]:
    """The same in a thread of its own, for tests that are not asynchronous."""
    started = queue.SimpleQueue[tuple[Upstream, trio.Event, trio.lowlevel.TrioToken]]()

    async def main() -> None:
        async with open_upstream(routes) as upstream:
            leave = trio.Event()
            started.put((upstream, leave, trio.lowlevel.current_trio_token()))
            await leave.wait()

    thread = threading.Thread(target=trio.run, args=(main,), daemon=True)
    thread.start()
    upstream, leave, token = started.get(timeout=60)
    try:
        yield upstream
    finally:
        token.run_sync_soon(leave.set)
        thread.join(60)


@asynccontextmanager
async def held_upstream() -> AsyncIterator[tuple[Upstream, trio.Event]]:
    """A server that answers nobody before it is released, and the release."""
    release = trio.Event()

    async def answer(_: Seen, stream: Raw) -> None:
        await release.wait()
        await stream.send_all(response(b"", "Connection: close"))

    async with open_upstream({"/": answer, "/a": answer, "/b": answer}) as upstream:
        yield upstream, release


async def closed(upstream: Upstream) -> None:
    """Waits until the server has no connection any more."""
    await until(lambda: not upstream.open)


async def arrived(upstream: Upstream, requests: int) -> None:
    """Waits for so many."""
    await until(lambda: len(upstream.seen) >= requests)
