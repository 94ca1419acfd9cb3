"""The broker: everything that outlives an execution, and the sessions that use it."""

import ssl
from collections.abc import AsyncIterator, Callable, Hashable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, contextmanager
from functools import cache, partial
from typing import Any
from weakref import finalize

import trio
from msgspec import Struct, field

from sandboxd.broker.capability import Capability
from sandboxd.broker.clients import Client, Clients
from sandboxd.broker.egress import Egress
from sandboxd.broker.fetch import Fetcher
from sandboxd.broker.request import Headers
from sandboxd.broker.resolver import Resolve, SystemResolver
from sandboxd.broker.secrets import read_secrets
from sandboxd.broker.session import Session, Told
from sandboxd.policy.fetch import Fetch
from sandboxd.policy.model import Grant, Profile

trusted = cache(ssl.create_default_context)
"""The certificate authorities of this machine; reading them takes some 60 ms."""


class Outside(Struct, frozen=True):
    """What the broker takes from the world: how names are resolved, whom TLS trusts, and where the daemon itself listens."""

    resolve: Resolve = field(default_factory=SystemResolver)
    tls: Callable[[], ssl.SSLContext] = trusted
    own_ports: frozenset[int] = frozenset()


class Broker:
    """Answers host calls, for all profiles."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self.clients = Clients(outside.tls)
        self._turn = trio.Lock()
        self._secrets: dict[int, Mapping[str, Headers]] = {}
        """Headers by host, by the id of the rules that they stand in: who was granted other ones never gets to them."""

    def serve(self, profiles: Mapping[str, Profile], secrets: Mapping[str, Mapping[str, Headers]]) -> None:
        """From here on sessions may be opened for grants of these profiles too; `secrets` is what `read_secrets` gives."""
        for name, profile in profiles.items():
            if (fetch := profile.fetch) is not None:
                if id(fetch) not in self._secrets:
                    finalize(fetch, self._secrets.pop, id(fetch), None).atexit = False
                self._secrets[id(fetch)] = secrets[name]

    @contextmanager
    def session(self, grant: Grant, principal: Hashable, *, told: Told | None = None, **who: Any) -> Iterator[Session]:
        """For one execution of the principal; `who` names it in the log, and `told` hears what the log does."""
        secrets = self._secrets.get(id(grant.capabilities.fetch), {})
        with ExitStack() as borrowed:
            session = Session(
                self._capabilities(grant, principal, secrets, borrowed),
                told,
                profile=grant.profile,
                principal=principal,
                **who,
            )
            try:
                yield session
            finally:
                session.close()

    def _capabilities(
        self, grant: Grant, principal: Hashable, secrets: Mapping[str, Headers], borrowed: ExitStack
    ) -> Iterator[Capability]:
        if (fetch := grant.capabilities.fetch) is not None:
            # Connections are made under the rules of who asked for them, and serve nobody who has others.
            client = cache(lambda: borrowed.enter_context(self._client(fetch, (grant.profile, principal, id(fetch)))))
            yield Fetcher(fetch, secrets, client)

    def _client(self, fetch: Fetch, whose: Hashable) -> AbstractContextManager[Client]:
        egress = Egress(fetch, self._outside.resolve, self._outside.own_ports, self._turn)
        return self.clients.borrow(whose, egress, fetch.limits.principal_concurrent.most)


@asynccontextmanager
async def open_broker(profiles: Mapping[str, Profile], outside: Outside) -> AsyncIterator[Broker]:
    """A broker for as long as the block lasts. Raises SettingsError when a credential cannot be read."""
    broker = Broker(outside)
    broker.serve(profiles, read_secrets(profiles))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(broker.clients.sweep)
        nursery.start_soon(partial(trio.to_thread.run_sync, outside.tls, abandon_on_cancel=True))  # before the first call waits
        try:
            yield broker
        finally:
            nursery.cancel_scope.cancel()
            with trio.CancelScope(shield=True):  # closing a socket waits for nobody
                await broker.clients.aclose()
