"""How many requests are being answered: what a stop waits for. An idle keep-alive connection is not one."""

from typing import Any

import trio


class InFlight:
    """An ASGI application around another one; counts HTTP requests from their start to their last byte."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._count = 0
        self._idle = trio.Event()
        self._idle.set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._count == 0:
            self._idle = trio.Event()
        self._count += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._count -= 1
            if self._count == 0:
                self._idle.set()

    async def idle(self) -> None:
        """Returns when no request is being answered."""
        await self._idle.wait()
