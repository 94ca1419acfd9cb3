"""Events as bytes: their form, and what is sent while there are none."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from msgspec import Raw
from trio.testing import MockClock

from sandboxd.api.event_stream import KEEP_ALIVE_S, event_stream, last_seen
from sandboxd.api.incoming import MAX_BODY_BYTES, Bare, Room
from sandboxd.errors import BadRequest
from sandboxd.executions.submitted import Event


@asynccontextmanager
async def slowly(*pauses: float) -> AsyncIterator[AsyncIterator[Event]]:
    """An event after each pause, in seconds."""
    send, receive = trio.open_memory_channel[Event](0)

    async def happen() -> None:
        with send:
            for number, pause in enumerate(pauses, 1):
                await trio.sleep(pause)
                await send.send(Event(number, "log", 0, Raw(b'{"text":"a"}')))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(happen)
        yield receive


async def data(event: Event) -> bytes:
    return bytes(event.data)


async def chunks(*pauses: float) -> list[bytes]:
    """What is sent."""
    response = event_stream(slowly(*pauses), data)
    assert (response.content_type, response.timeout) == ("text/event-stream", None)
    async with response.response as body:
        return [chunk async for chunk in body]


def told(number: int) -> bytes:
    return b'id: %d\nevent: log\ndata: {"text":"a"}\n\n' % number


async def test_an_event_has_its_number_kind_and_data(autojump_clock: MockClock) -> None:  # noqa: ARG001
    """After the time in which to come again; the stream ends with the events."""
    assert await chunks(0, 1) == [b"retry: 1000\n\n", told(1), told(2)]


async def test_silence_is_kept_alive(autojump_clock: MockClock) -> None:  # noqa: ARG001
    """A comment for each while without an event; no event is lost by that."""
    sent = await chunks(KEEP_ALIVE_S * 2.5, 1, KEEP_ALIVE_S * 1.5)
    assert sent == [b"retry: 1000\n\n", b":\n\n", b":\n\n", told(1), told(2), b":\n\n", told(3)]


def test_the_last_event_is_a_number() -> None:
    """None for none; what no event can have is refused."""

    def seen(*value: bytes) -> int:
        return last_seen(Bare([(b"last-event-id", each) for each in value], b"", MAX_BODY_BYTES, Room()))

    assert (seen(), seen(b"7")) == (0, 7)
    for wrong in (b"-1", b"x", b"1.5", b"\xb2", b"9" * 19):
        with pytest.raises(BadRequest, match="Last-Event-ID"):
            seen(wrong)
