"""Bodies as they come: their limit, and the room that large ones have together."""

import pytest

from sandboxd.api.incoming import MAX_BODY_BYTES, ROOM_BYTES, Bare, Room
from sandboxd.errors import BodyTooLarge, NoCapacity

MB = 1 << 20


async def sent(incoming: Bare, sizes: list[int], *, whole: bool = True) -> bytes:
    """The body of a request that comes in parts of these sizes; where it is not whole, its client goes on being there."""
    for size in sizes:
        incoming.hear(bytes(size))
    if not whole:
        return b""
    incoming.end()
    return await incoming.data()


def bare(room: Room, most_bytes: int = 16 * MB) -> Bare:
    return Bare([], b"", most_bytes, room)


async def test_a_body_has_the_limit_that_it_was_given() -> None:
    """As many bytes are taken, one more is refused with the limit in the text."""
    assert len(await sent(bare(Room()), [8 * MB, 8 * MB])) == 16 * MB
    with pytest.raises(BodyTooLarge, match=r"\(16 MB\)"):
        await sent(bare(Room()), [8 * MB, 8 * MB, 1])
    with pytest.raises(BodyTooLarge, match=r"\(1 MB\)"):
        await sent(bare(Room(), MB), [MB, 1])


async def test_large_bodies_share_their_room() -> None:
    """What is beyond a megabyte is counted over all requests; who finds none left is refused, and holds nothing."""
    room, held = Room(), []
    while room.left_bytes >= 15 * MB:
        held.append(bare(room))
        await sent(held[-1], [15 * MB], whole=False)
    assert room.left_bytes == ROOM_BYTES - len(held) * 14 * MB
    left = room.left_bytes
    with pytest.raises(NoCapacity):
        await sent(bare(room), [MB] * 16)
    assert room.left_bytes == left
    assert len(await sent(bare(room), [MAX_BODY_BYTES])) == MAX_BODY_BYTES


async def test_room_is_given_back() -> None:
    """When a request is over, once."""
    room = Room()
    incoming = bare(room)
    await sent(incoming, [5 * MB])
    assert room.left_bytes == ROOM_BYTES - 4 * MB
    incoming.leave()
    incoming.leave()
    assert room.left_bytes == ROOM_BYTES


async def test_headers_are_found_in_any_case() -> None:
    """Of two the first; one that is absent is empty."""
    incoming = Bare([(b"x-a", b"1"), (b"x-a", b"2")], b"q=1", MB, Room())
    assert (incoming.header("X-A"), incoming.header("x-b"), incoming.query) == ("1", "", b"q=1")
