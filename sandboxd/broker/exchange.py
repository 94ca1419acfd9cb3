"""One request, one answer, over a pool of connections. Foreign errors end here."""

from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from typing import Final

import httpcore2
import trio
from msgspec import Struct

from sandboxd.broker.capability import CallRefused
from sandboxd.broker.clients import Client
from sandboxd.broker.request import Request, has_body
from sandboxd.broker.stream import Stream

FREE_BYTES: Final = 65_536
"""What a body may have without being counted with all others: a small answer always finds room."""
SMALL_BYTES: Final = 1024

_ERRORS: Final[dict[type[Exception], tuple[str, str]]] = {
    httpcore2.RemoteProtocolError: ("upstream.protocol", "the upstream did not answer in HTTP"),
    httpcore2.LocalProtocolError: ("request", "the request is not one that HTTP can say"),
    httpcore2.NetworkError: ("upstream.closed", "the connection was closed"),
}


class Answer(Struct, frozen=True):
    """What came back; None is no body."""

    status: int
    reason: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes | None

    def header(self, name: str) -> bytes | None:
        """The first of that name, which is in lower case."""
        return next((value for key, value in self.headers if key.lower() == name.encode()), None)


async def exchange(client: Client, request: Request, headers: list[tuple[bytes, bytes]], *, most: int) -> Answer:
    """The answer, its body of `most` bytes at most. Raises CallRefused for all that can go wrong outside of us."""
    url = request.url
    sent = httpcore2.Request(
        request.method.encode(),
        httpcore2.URL(scheme=url.scheme, host=url.host, port=url.port, target=url.target),
        headers=headers,
        content=request.body,
    )
    with _told_as_ours():
        response = await client.pool.handle_async_request(sent)
        try:
            answer = Answer(response.status, response.extensions["reason_phrase"], list(response.headers), None)
            if not has_body(request.method, answer.status):
                return answer
            return Answer(answer.status, answer.reason, answer.headers, await _body(client, response, answer, most))
        finally:
            await response.aclose()


async def _body(client: Client, response: httpcore2.Response, answer: Answer, most: int) -> bytes:
    said = answer.header("content-length") or b""
    if said.isdigit() and int(said) > most:  # "5, 5" is a length too, and is found out later
        raise _too_large(most)
    stream = response.extensions["network_stream"]
    assert isinstance(stream, Stream)
    body, held = bytearray(), 0
    try:
        async with aclosing(response.aiter_stream()) as chunks:
            async for chunk in chunks:
                stream.of_the_body(len(chunk))
                if len(body) + len(chunk) > most:
                    raise _too_large(most)
                if len(body) + len(chunk) > FREE_BYTES:
                    client.held.take(len(chunk))
                    held += len(chunk)
                body += chunk
                if len(chunk) < SMALL_BYTES:
                    await trio.lowlevel.checkpoint()  # thousands of these may have come in one read
        return bytes(body)
    finally:
        client.held.give_back(held)


def _too_large(most: int) -> CallRefused:
    return CallRefused(f"fetch failed: a response of more than {most} bytes", rule="limit.response_bytes")


@contextmanager
def _told_as_ours() -> Iterator[None]:
    try:
        yield
    except tuple(_ERRORS) as error:
        rule, why = next(told for kind, told in _ERRORS.items() if isinstance(error, kind))
        raise CallRefused(f"fetch failed: {why}", rule=rule) from None
