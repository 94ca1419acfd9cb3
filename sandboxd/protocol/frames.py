"""Frames: a 4-byte big-endian length and that many bytes. Pure: bytes in, frames out."""

import struct
from collections.abc import Iterator
from typing import Final

from sandboxd.errors import ProtocolError

HEADER: Final = struct.Struct(">I")


def encode_frame(body: bytes) -> bytes:
    """The bytes to send for one frame."""
    return HEADER.pack(len(body)) + body


class FrameReader:
    """Cuts a byte stream into frames. It never holds more than one frame of `cap` bytes and what was fed last."""

    def __init__(self, cap: int) -> None:
        self.cap = cap
        self._buffer = bytearray()

    @property
    def inside_frame(self) -> bool:
        """Whether the stream would end in the middle of a frame if it ended now."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> Iterator[bytearray]:
        """The frames that `data` completes, one at a time: a frame does not depend on what came with it.

        Raises ProtocolError at a header above the cap; nothing can be read after that.
        """
        buffer, at, header, size_at = self._buffer, 0, HEADER.size, HEADER.unpack_from
        buffer += data
        held = len(buffer)
        try:
            while (begin := at + header) <= held:
                (size,) = size_at(buffer, at)
                if size > self.cap:
                    raise ProtocolError(f"a frame of {size} bytes, above the cap of {self.cap}")
                if (end := begin + size) > held:
                    break
                at = end
                yield buffer[begin:end]
        finally:
            del buffer[:at]
