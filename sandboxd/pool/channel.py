"""Our end of a worker's channel: a socket pair, read and written without a turn of the loop where none is needed.

Trio's own streams take one after each success, for fairness among tasks that never wait. Whoever holds a worker waits often,
and a worker lives for one request: making such a stream cost as much as all that is sent on it.
"""

import socket
from typing import Self

import trio


class Channel:
    """Bytes both ways. Raises trio.BrokenResourceError when the other end is gone."""

    def __init__(self, ours: socket.socket) -> None:
        ours.setblocking(False)
        self._socket = ours

    @classmethod
    def pair(cls) -> tuple[Self, socket.socket]:
        """A channel, and the end that is the worker's."""
        ours, theirs = socket.socketpair()
        return cls(ours), theirs

    async def send_all(self, data: bytes) -> None:
        """Everything; a checkpoint only where the worker is slow to read. One at a time."""
        left = memoryview(data)
        while left:
            try:
                left = left[self._socket.send(left) :]
            except BlockingIOError:
                await trio.lowlevel.wait_writable(self._socket)
            except OSError as problem:
                raise trio.BrokenResourceError from problem

    async def receive(self, most_bytes: int) -> bytes:
        """What has come, at least a byte; nothing at the end."""
        while True:
            await trio.lowlevel.wait_readable(self._socket)
            try:
                return self._socket.recv(most_bytes)
            except BlockingIOError:
                continue
            except OSError as problem:
                raise trio.BrokenResourceError from problem

    def close(self) -> None:
        """Whoever waits for it is woken with trio.ClosedResourceError."""
        trio.lowlevel.notify_closing(self._socket)
        self._socket.close()
