"""The capability fetch: HTTP for code that has no network."""

from collections.abc import Callable, Mapping
from typing import Final

import trio
from msgspec import Struct

from sandboxd.broker.capability import Call, CallRefused, Method
from sandboxd.broker.clients import Client
from sandboxd.broker.exchange import exchange
from sandboxd.broker.request import Headers, Request
from sandboxd.policy.fetch import Fetch, judge
from sandboxd.policy.url import Url

LONGEST_LOG: Final = 32


class FetchArgs(Struct, frozen=True, forbid_unknown_fields=True):
    """A request. `url` is absolute, as the URL standard serialises it, without a fragment; headers are Latin-1."""

    url: str
    method: str
    headers: list[tuple[str, str]]
    body: bytes | None


class FetchValue(Struct, frozen=True):
    """An answer, be it a redirect. Headers are as they came, the body still as it was encoded for the way."""

    status: int
    status_text: str
    headers: list[tuple[str, str]]
    body: bytes | None


class AbortArgs(Struct, frozen=True, forbid_unknown_fields=True):
    """The call that is no longer wanted."""

    id: int


class Fetcher:
    """The fetches of one execution. `client` is asked for at the first of them."""

    name = "fetch"

    def __init__(self, grant: Fetch, secrets: Mapping[str, Headers], client: Callable[[], Client]) -> None:
        self.methods: Mapping[str, Method] = {
            "request": Method(FetchArgs, self.request),
            "abort": Method(AbortArgs, self.abort),
        }
        self._grant, self._secrets, self._client = grant, secrets, client
        self._turns = trio.CapacityLimiter(grant.limits.concurrent.most)
        self._asked = 0
        self._under_way: dict[int, trio.CancelScope] = {}

    async def request(self, call: Call, args: FetchArgs) -> FetchValue:
        """Asks. Raises CallRefused, which says what decided."""
        limits = self._grant.limits
        call.facts["http_method"] = args.method[:LONGEST_LOG]
        self._asked += 1
        if self._asked > limits.calls.most:
            raise CallRefused(f"fetch failed: more than {limits.calls.most} calls", rule="limit.calls")
        request = Request.checked(args.method, self._allowed(call, args.url), args.headers, args.body)
        if request.size > limits.request_bytes.most:
            why = f"fetch failed: a request of more than {limits.request_bytes.most} bytes"
            raise CallRefused(why, rule="limit.request_bytes")
        with trio.CancelScope() as abort:
            self._under_way[call.id] = abort
            try:
                client = self._client()
                async with self._turns, client.turns:
                    with trio.move_on_after(limits.wall_ms.most / 1000):
                        return await self._ask(call, client, request)
                    raise CallRefused(f"fetch failed: {limits.wall_ms.most / 1000:g} s limit of a call", rule="limit.wall_ms")
            finally:
                del self._under_way[call.id]
        raise CallRefused("This operation was aborted", rule="abort", name="AbortError")

    async def abort(self, call: Call, args: AbortArgs) -> None:
        """Ends another call; one that has its answer already is left alone."""
        call.facts["aborts"] = args.id
        if (under_way := self._under_way.get(args.id)) is not None:
            under_way.cancel()

    def _allowed(self, call: Call, text: str) -> Url:
        """The URL, if the profile lets it through. Of a URL the log has no more than the origin: the rest may be secret."""
        verdict = judge(self._grant, text)
        if verdict.url is not None:
            call.facts["origin"] = verdict.url.origin
        if verdict.url is None or verdict.entry is None:
            raise CallRefused(f"fetch failed: {verdict.why}", rule=verdict.rule)
        return verdict.url

    async def _ask(self, call: Call, client: Client, request: Request) -> FetchValue:
        headers = request.wire_headers(self._secrets)
        answer = await exchange(client, request, headers, most=self._grant.limits.response_bytes.most)
        call.facts.update(status=answer.status, body_bytes=len(answer.body or b""))
        told = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers]
        return FetchValue(answer.status, answer.reason.decode("latin-1"), told, answer.body)
