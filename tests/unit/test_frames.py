"""Frames: any bytes in any pieces."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandboxd.errors import ProtocolError
from sandboxd.protocol.frames import HEADER, FrameReader, encode_frame

fuzz = settings(max_examples=500, deadline=2000)

CAP = 64

bodies = st.lists(st.binary(max_size=CAP), max_size=12)
headers = st.sampled_from([0, 1, CAP - 1, CAP, CAP + 1, 2**16, 2**31 - 1, 2**31, 2**32 - 1]).map(HEADER.pack)
streams = st.lists(st.binary(max_size=CAP).map(encode_frame) | headers | st.binary(max_size=80), max_size=12).map(b"".join)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """The same bytes, cut at these places (taken modulo the length)."""
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[begin:end] for begin, end in pairwise(places)]


def read(reader: FrameReader, chunks: list[bytes]) -> tuple[list[bytes], bool]:
    """What came out, and whether the stream was legal."""
    frames: list[bytes] = []
    try:
        for chunk in chunks:
            frames.extend(reader.feed(chunk))
    except ProtocolError:
        return frames, False
    return frames, True


def cut_by_hand(stream: bytes, cap: int) -> tuple[list[bytes], bool, bytes]:
    """The rule, applied to the whole stream at once: frames, whether it is legal, and what is left over."""
    frames: list[bytes] = []
    while len(stream) >= 4:
        size = int.from_bytes(stream[:4], "big")
        if size > cap:
            return frames, False, stream
        if len(stream) < 4 + size:
            break
        frames.append(stream[4 : 4 + size])
        stream = stream[4 + size :]
    return frames, True, stream


cuts = st.lists(st.integers(0, 2000), max_size=40)


def test_a_frame_is_a_big_endian_length_and_a_body() -> None:
    """The bytes on the wire are those that the harness reads and writes."""
    assert encode_frame(b"abc") == b"\x00\x00\x00\x03abc"


@fuzz
@given(bodies, cuts)
def test_frames_survive_any_cutting(sent: list[bytes], at: list[int]) -> None:
    """What was framed comes out whole and in order, however the stream was cut."""
    assert read(FrameReader(CAP), pieces(b"".join(map(encode_frame, sent)), at)) == (sent, True)


@fuzz
@given(streams, cuts, st.integers(0, 2 * CAP))
def test_any_bytes_are_read_by_the_rule(stream: bytes, at: list[int], cap: int) -> None:
    """Hostile bytes in any pieces give the frames, and the refusal, that the rule gives for the whole stream."""
    assert read(FrameReader(cap), pieces(stream, at)) == cut_by_hand(stream, cap)[:2]


@fuzz
@given(streams, cuts)
def test_the_buffer_is_bounded(stream: bytes, at: list[int]) -> None:
    """After each piece the reader keeps less than one frame of the cap, or that piece after a refusal."""
    reader = FrameReader(CAP)
    for chunk in pieces(stream, at):
        _, legal = read(reader, [chunk])
        assert len(reader._buffer) <= HEADER.size + CAP + (0 if legal else len(chunk))
        if not legal:
            break


@fuzz
@given(streams, cuts)
def test_inside_frame_says_whether_bytes_are_missing(stream: bytes, at: list[int]) -> None:
    """A legal stream ends inside a frame exactly when the rule leaves bytes over."""
    reader = FrameReader(CAP)
    _, legal = read(reader, pieces(stream, at))
    if legal:
        assert reader.inside_frame == bool(cut_by_hand(stream, CAP)[2])


@pytest.mark.parametrize(("size", "legal"), [(0, True), (CAP - 1, True), (CAP, True), (CAP + 1, False)])
def test_the_cap_is_exact(size: int, legal: bool) -> None:
    """A body of the cap's size passes and one byte more is refused; nothing at all is a frame too."""
    assert read(FrameReader(CAP), [encode_frame(bytes(size))]) == ([bytes(size)] if legal else [], legal)


@pytest.mark.parametrize("size", [CAP + 1, 2**31, 2**32 - 1])
def test_a_long_frame_is_refused_by_its_header(size: int) -> None:
    """The four bytes of the length are enough: nobody waits for the body, or makes room for it."""
    with pytest.raises(ProtocolError, match=f"a frame of {size} bytes, above the cap of {CAP}"):
        list(FrameReader(CAP).feed(HEADER.pack(size)))


def test_a_refusal_stays() -> None:
    """A stream that was refused cannot be talked back into order."""
    reader = FrameReader(CAP)
    assert not read(reader, [HEADER.pack(CAP + 1)])[1]
    assert not read(reader, [encode_frame(b"good")])[1]


def test_frames_before_a_refusal_come_out() -> None:
    """A frame that came whole is given out, even if bytes that are refused came with it."""
    frames = FrameReader(CAP).feed(encode_frame(b"good") + HEADER.pack(CAP + 1))
    assert next(frames) == b"good"
    with pytest.raises(ProtocolError):
        next(frames)


def test_a_raised_cap_is_for_the_next_header() -> None:
    """A frame above the old cap passes once the cap is raised, its header's first bytes being there already."""
    reader = FrameReader(4)
    header, body = HEADER.pack(10), bytes(10)
    assert read(reader, [header[:3]]) == ([], True)
    reader.cap = 10
    assert read(reader, [header[3:], body]) == ([body], True)


def test_frames_that_were_not_taken_wait() -> None:
    """Whoever stops after one frame finds the next one at the next call."""
    reader = FrameReader(CAP)
    assert next(iter(reader.feed(encode_frame(b"one") + encode_frame(b"two")))) == b"one"
    assert list(reader.feed(b"")) == [b"two"]
