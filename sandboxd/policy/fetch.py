"""The fetch capability as data, and the one decision about a URL. Pure."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from sandboxd.policy.address import Reachable
from sandboxd.policy.terms import Most, Why
from sandboxd.policy.url import Url, UrlError, parse

Scheme = Literal["http", "https"]
Port = Annotated[int, Meta(ge=1, le=65_535)]


class FetchHost(Struct, frozen=True, forbid_unknown_fields=True):
    """A host that code may ask, by its exact name as it stands in a serialised URL."""

    host: str
    """The name, without wildcards."""
    why: Why
    """The reason."""
    schemes: list[Scheme] = field(default_factory=lambda: ["https", "http"])
    """By which it may be asked."""
    ports: list[Port] = []
    """Empty: every port that is not blocked."""
    reach: list[Reachable] = []
    """What its addresses may be besides public ones."""

    def covers(self, url: Url) -> bool:
        """Whether the entry lets this URL through."""
        return url.host == self.bare and url.scheme in self.schemes and (not self.ports or url.port in self.ports)

    @property
    def bare(self) -> str:
        """The host without the brackets of an IPv6 address."""
        return self.host.removeprefix("[").removesuffix("]")


class BlockedPorts(Struct, frozen=True, forbid_unknown_fields=True):
    """Ports that no entry opens unless it names them."""

    ports: str
    """Separated by white space."""
    why: Why
    """The reason."""

    @property
    def numbers(self) -> frozenset[int]:
        """The ports."""
        return frozenset(map(int, self.ports.split()))


class Credential(Struct, frozen=True, forbid_unknown_fields=True):
    """A header that the broker adds for a host, and that the code never sees."""

    host: str
    """For whom; one of the hosts."""
    header: str
    """Its name."""
    why: Why
    """The reason."""
    value: str = ""
    """The value itself, unless `file` has it."""
    file: str = ""
    """Where the value stands; read when the policy is. White space around it is no part of it."""
    prefix: str = ""
    """What comes before the value, like "Bearer "."""

    def __repr__(self) -> str:
        return f"Credential({self.host}, {self.header})"


class FetchLimits(Struct, frozen=True, forbid_unknown_fields=True):
    """What one execution may ask for, and all of one principal's together."""

    calls: Most
    """In one execution; each hop of a redirect is one."""
    concurrent: Most
    """At once in one execution; more wait."""
    principal_concurrent: Most
    """At once over all executions of one principal, and his connections."""
    wall_ms: Most
    """From a call's turn to its last byte."""
    request_bytes: Most
    """Body, headers and URL."""
    response_bytes: Most
    """As they come over the wire."""


class Fetch(Struct, frozen=True, forbid_unknown_fields=True, weakref=True):
    """The grant to speak HTTP. Without it there is no fetch."""

    why: Why
    """The reason."""
    limits: FetchLimits
    """How much may be asked."""
    hosts: list[FetchHost]
    """Whom it may ask."""
    base_url: str = ""
    """What relative URLs are relative to; empty: there are none."""
    blocked_ports: list[BlockedPorts] = []
    """What is closed although its host is listed."""
    credentials: list[Credential] = []
    """Headers that the code never sees."""


class Verdict(Struct, frozen=True):
    """What became of a URL: the entry that allows it, or the rule that refuses it. `line` is the key that decided."""

    line: str
    url: Url | None = None
    entry: FetchHost | None = None
    rule: str = ""
    why: str = ""


def judge(fetch: Fetch, text: str) -> Verdict:
    """Whether code may ask for the URL, as far as its text says. Its addresses are judged when they are known."""
    try:
        url = parse(text)
    except UrlError as error:
        return Verdict("fetch", rule=error.rule, why=str(error))
    places = [(f"fetch.hosts[{n}]", host) for n, host in enumerate(fetch.hosts) if host.bare == url.host]
    if not places:
        return Verdict("fetch.hosts", url, rule="egress.host", why=f"host {url.host} is not in the profile's list")
    if not any(url.scheme in host.schemes for _, host in places):
        why = f"the profile does not allow {url.scheme} to host {url.host}"
        return Verdict(f"{places[0][0]}.schemes", url, rule="egress.scheme", why=why)
    line, entry = next(((line, host) for line, host in places if host.covers(url)), (places[0][0], None))
    if entry is None:
        why = f"the profile does not allow port {url.port} of host {url.host}"
        return Verdict(f"{line}.ports", url, rule="egress.port", why=why)
    if url.port not in entry.ports:
        for n, blocked in enumerate(fetch.blocked_ports):
            if url.port in blocked.numbers:
                why = f"port {url.port} is blocked"
                return Verdict(f"fetch.blocked_ports[{n}]", url, rule="egress.blocked_port", why=why)
    return Verdict(line, url, entry)
