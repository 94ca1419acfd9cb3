"""URLs as the WHATWG standard serialises them. Whatever is written otherwise is refused, not understood.

Two readers of one odd spelling seldom agree on the host. So there is one spelling, and one reader.
"""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final

from msgspec import Struct

MOST_CHARACTERS: Final = 16_384
DEFAULT_PORTS: Final = {"http": 80, "https": 443}

_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]*):", re.ASCII)
_URL: Final = re.compile(r"https?://([^/?#]*)(/[^?#]*)?(\?[^#]*)?", re.ASCII)
_AUTHORITY: Final = re.compile(r"(\[[0-9a-f:]+\]|[a-z0-9._-]+)(?::([0-9]+))?", re.ASCII)
# Not "^", which the standard encodes in a path since 2024 only: older Nodes do not.
_ENCODED: Final = re.compile(r"""[^?]*["<>\\`{}]|[^?]*\?.*["<>']|[^?]*/(\.|%2e){1,2}(/|\?|$)""", re.ASCII | re.I)
"""What the standard encodes or takes out of a path and a query."""
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)  # a host that ends in one is an IPv4 address to the standard


class UrlError(ValueError):
    """A URL that is refused whatever the profile says. `rule` is short, the text is for people."""

    def __init__(self, rule: str, why: str) -> None:
        super().__init__(why)
        self.rule = rule


class Url(Struct, frozen=True):
    """An absolute http or https URL without userinfo and fragment. An IPv6 host has no brackets here."""

    scheme: str
    host: str
    port: int
    target: str
    """Path and query, as they go into the request line."""

    @property
    def authority(self) -> str:
        """Host and port as in a Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme, host and port: all of a URL that may stand in a log."""
        return f"{self.scheme}://{self.authority}"

    def __str__(self) -> str:
        return self.origin + self.target


def parse(text: str) -> Url:
    """The parts of a serialised URL. Raises UrlError for everything else, however well it is meant."""
    if len(text) > MOST_CHARACTERS:
        raise UrlError("url.length", f"the URL is longer than {MOST_CHARACTERS} characters")
    if re.search(r"[^!-~]", text) is not None:
        raise UrlError("url.form", "the URL has a character that does not belong into one")
    named = _SCHEME.match(text)
    if named is not None and named[1] not in DEFAULT_PORTS:
        raise UrlError("url.scheme", f"the scheme {named[1][:20]} is neither http nor https")
    found = _URL.fullmatch(text)
    if named is None or found is None or not found[1] or not found[2]:
        raise UrlError("url.form", "the URL is not an absolute one as the URL standard writes it")
    scheme, (authority, path, query) = named[1], found.groups()
    if "@" in authority:
        raise UrlError("url.credentials", "the URL has a user or a password in it")
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        raise UrlError("url.host", "the host is not written as the URL standard writes it")
    target = path + (query or "")
    if _ENCODED.match(target):
        raise UrlError("url.form", "the path or the query is not written as the URL standard writes it")
    return Url(scheme, parse_host(parts[1]), _port(scheme, parts[2]), target)


def _port(scheme: str, text: str | None) -> int:
    if text is None:
        return DEFAULT_PORTS[scheme]
    port = int(text) if len(text) < 6 else 0
    if not 0 < port < 65_536 or str(port) != text or port == DEFAULT_PORTS[scheme]:
        raise UrlError("url.port", "the port is not written as the URL standard writes it")
    return port


def parse_host(text: str) -> str:
    """A host as it stands in a serialised URL, without brackets. Raises UrlError."""
    if text.startswith("["):
        try:
            six = IPv6Address(text[1:-1])
        except AddressValueError:
            raise UrlError("url.host", "the host is no IPv6 address") from None
        if six.scope_id is not None or not text.endswith("]") or serialise_six(six) != text[1:-1]:
            raise UrlError("url.host", "the IPv6 address is not written as the URL standard writes it")
        return text[1:-1]
    labels = text.split(".")
    if len(text) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise UrlError("url.host", "the host is not written as the URL standard writes it")
    if _NUMBER.fullmatch(labels[-1]) and not _is_four(text):
        raise UrlError("url.host", "the host is a number that is no IPv4 address")
    return text


def serialise_six(address: IPv6Address) -> str:
    """An IPv6 address in hexadecimal throughout: later Pythons write the end of mapped ones with dots."""
    groups = [f"{int(address) >> shift & 0xFFFF:x}" for shift in range(112, -16, -16)]
    runs = [(end - begin, -begin) for begin in range(8) for end in range(begin + 2, 9) if set(groups[begin:end]) == {"0"}]
    if not runs:
        return ":".join(groups)
    length, begin = max(runs)[0], -max(runs)[1]
    return ":".join(groups[:begin]) + "::" + ":".join(groups[begin + length :])


def _is_four(text: str) -> bool:
    try:
        return str(IPv4Address(text)) == text
    except AddressValueError:
        return False
