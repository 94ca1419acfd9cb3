"""Names to addresses. One function, so that tests can be the resolver."""

import socket
from collections.abc import Awaitable, Callable
from typing import Final

import trio

Resolve = Callable[[str], Awaitable[list[str]]]
"""The addresses of a name, in the order in which they are to be tried. Raises OSError where there is none."""

THREADS_PER_NAME: Final = 2


class SystemResolver:
    """What the machine's own resolver says, in threads. A name whose servers are dead keeps no other name waiting.

    Only names that a profile lists come here, so there are as many limiters as that.
    """

    def __init__(self) -> None:
        self._turns: dict[str, trio.CapacityLimiter] = {}

    async def __call__(self, host: str) -> list[str]:
        turns = self._turns.setdefault(host, trio.CapacityLimiter(THREADS_PER_NAME))
        found = await trio.to_thread.run_sync(_ask, host, abandon_on_cancel=True, limiter=turns)
        return list(dict.fromkeys(found))


def _ask(host: str) -> list[str]:
    return [str(address[0]) for *_, address in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]
