"""The one way in which bytes leave and enter: a connection to an address that was judged, with a bound on what comes back."""

import ssl
from typing import Any, Final

import httpcore2
import trio

from sandboxd.broker.capability import CallRefused

FRAMING_BYTES: Final = 262_144
"""What an answer may have around its body: heads, interim answers, the lengths of chunks. More is no answer but an attack."""
PACED_BYTES: Final = 4096
"""A read of so many bytes waits for its turn."""


class Stream(httpcore2.AsyncNetworkStream):
    """A TCP connection, or TLS over one.

    What is read has to be parsed, by the loop that serves everybody. So one read of all has its turn in each round of the
    scheduler: a hundred upstreams that send as fast as they can are slow, and not the daemon.
    """

    def __init__(
        self, stream: trio.SocketStream, turn: trio.Lock, tls: trio.SSLStream[trio.SocketStream] | None = None
    ) -> None:
        self._socket, self._turn, self._tls = stream, turn, tls
        self._left = FRAMING_BYTES

    def of_the_body(self, count: int) -> None:
        """So many of the bytes that were read last are the body's, not around it."""
        self._left += count

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 the library's signature
        """Some bytes. Raises CallRefused when more came than an answer may have."""
        try:
            data = bytes(await (self._tls or self._socket).receive_some(max_bytes))
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise httpcore2.ReadError from error
        self._left -= len(data)
        if self._left < 0:
            raise CallRefused("fetch failed: the answer has too much around its body", rule="limit.framing")
        if len(data) >= PACED_BYTES:
            async with self._turn:
                await trio.lowlevel.checkpoint()
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Sends; what is read afterwards belongs to a new answer."""
        self._left = FRAMING_BYTES
        try:
            if buffer:
                await (self._tls or self._socket).send_all(buffer)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise httpcore2.WriteError from error

    async def aclose(self) -> None:
        """Closes the socket at once: nobody waits for a peer's farewell."""
        self._socket.socket.close()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore2.AsyncNetworkStream:
        """TLS over this connection. Raises CallRefused, and closes, when there is no trust."""
        tls = trio.SSLStream(self._socket, ssl_context, server_hostname=server_hostname, https_compatible=True)
        try:
            await tls.do_handshake()
        except trio.BrokenResourceError as error:
            await self.aclose()
            cause = error.__cause__
            if isinstance(cause, ssl.SSLCertVerificationError):
                raise CallRefused(f"fetch failed: certificate: {cause.verify_message}", rule="upstream.certificate") from None
            raise CallRefused("fetch failed: no TLS could be agreed on", rule="upstream.tls") from None
        except BaseException:
            await self.aclose()
            raise
        return Stream(self._socket, self._turn, tls)

    def get_extra_info(self, info: str) -> Any:
        """What the pool asks: whether an idle connection has something to say, which can only be its end."""
        if info == "is_readable":
            return self._socket.socket.is_readable()
        return self._tls._ssl_object if info == "ssl_object" and self._tls is not None else None
