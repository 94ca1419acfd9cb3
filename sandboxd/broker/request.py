"""One HTTP request: what the code may say in it, and what is ours. Pure."""

from collections.abc import Iterable, Mapping
from typing import Final, Self

from msgspec import Struct

from sandboxd.broker.capability import CallRefused
from sandboxd.policy.header import is_name, is_ours, is_value
from sandboxd.policy.url import Url

FORBIDDEN_METHODS: Final = frozenset({"CONNECT", "TRACE", "TRACK"})
"""The Fetch standard's: the first opens a tunnel, the others echo what the broker has added."""
_NULL_BODY: Final = frozenset({101, 103, 204, 205, 304})
_DEFAULTS: Final = (("Accept", "*/*"), ("Accept-Encoding", "gzip, deflate, br"), ("User-Agent", "sandboxd"))

Headers = tuple[tuple[str, str], ...]


class Request(Struct, frozen=True):
    """What the code asks for; its headers have no place yet for ours."""

    method: str
    url: Url
    headers: Headers
    body: bytes | None

    @classmethod
    def checked(cls, method: str, url: Url, headers: Iterable[tuple[str, str]], body: bytes | None) -> Self:
        """Raises CallRefused for what would not be HTTP. What is ours to set is dropped, as the Fetch standard does."""
        if not is_name(method) or method.upper() in FORBIDDEN_METHODS:
            raise CallRefused("fetch failed: the method is not allowed", rule="request.method")
        if body is not None and method in ("GET", "HEAD"):
            raise CallRefused(f"fetch failed: a {method} request has no body", rule="request.method")
        kept = []
        for name, value in headers:
            if not is_name(name) or not is_value(value):
                raise CallRefused("fetch failed: a header is not the text of a header", rule="request.header")
            if not is_ours(name):
                kept.append((name, value))
        return cls(method, url, tuple(kept), body)

    @property
    def size(self) -> int:
        """How many bytes the code sends."""
        return len(str(self.url)) + sum(len(name) + len(value) + 4 for name, value in self.headers) + len(self.body or b"")

    def wire_headers(self, secrets: Mapping[str, Headers]) -> list[tuple[bytes, bytes]]:
        """All headers, ours and the credentials of its host among them."""
        added = secrets.get(self.url.host, ())
        replaced = {name.lower() for name, _ in added}
        theirs = [(name, value) for name, value in self.headers if name.lower() not in replaced]
        known = {name.lower() for name, _ in theirs} | replaced
        ours = [("Host", self.url.authority)]
        if self.body is not None or self.method in ("POST", "PUT", "PATCH"):
            ours.append(("Content-Length", str(len(self.body or b""))))
        # A range of an encoded body could not be decoded.
        defaults = [(n, "identity" if n == "Accept-Encoding" and "range" in known else v) for n, v in _DEFAULTS]
        missing = [(name, value) for name, value in defaults if name.lower() not in known]
        return [(name.encode(), value.encode("latin-1")) for name, value in [*ours, *theirs, *missing, *added]]


def has_body(method: str, status: int) -> bool:
    """Whether an answer can have a body."""
    return method != "HEAD" and status not in _NULL_BODY
