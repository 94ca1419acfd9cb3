"""What a person or a Location header writes, as the URL standard serialises it. Pure.

Only spelling is mended here; whether the result may be asked is decided by `url.parse` and the profile like of any other URL.
So a text that this reads otherwise than a browser can lead to a refusal, never past one.
"""

import re
from typing import Final
from urllib.parse import quote

from sandboxd.policy.url import DEFAULT_PORTS, Url

_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)", re.DOTALL)
_ENDS: Final = "".join(map(chr, range(0x21)))
_KEPT: Final = "".join(map(chr, range(0x21, 0x7F)))
_PATH_KEPT: Final = "".join(c for c in _KEPT if c not in '"#<>?^`{}')
_QUERY_KEPT: Final = "".join(c for c in _KEPT if c not in "\"#<>'")
_ONE_DOT: Final = {".", "%2e"}
_TWO_DOTS: Final = {"..", ".%2e", "%2e.", "%2e%2e"}


def serialise(text: str, base: Url | None = None) -> str:
    """An absolute URL without fragment for `text`, which may be relative to `base`."""
    text = re.sub(r"[\t\n\r]", "", text.strip(_ENDS)).partition("#")[0]
    scheme, rest = base.scheme if base is not None else "", text
    if (found := _SCHEME.fullmatch(text)) is not None:
        scheme, rest = found[1].lower(), found[2]
        if scheme not in DEFAULT_PORTS:
            return f"{scheme}:{rest}"
    path, mark, query = rest.partition("?")
    path = path.replace("\\", "/")
    absolute = found is not None and (base is None or scheme != base.scheme)
    if path.startswith("//") or absolute or base is None:
        if not scheme:
            return text  # relative to nothing
        authority, slash, path = path.lstrip("/").partition("/")
        origin, path = f"{scheme}://{_authority(scheme, authority)}", slash + path
    else:
        origin = base.origin
        before, _, its_query = base.target.partition("?")
        if not path and not mark:
            mark, query = "?" if its_query else "", its_query
        path = path if path.startswith("/") else before if not path else before[: before.rindex("/") + 1] + path
    return origin + quote(_without_dots(path), _PATH_KEPT) + mark + quote(query, _QUERY_KEPT)


def _authority(scheme: str, text: str) -> str:
    """In lower case, and without a port that goes without saying."""
    host, colon, port = text.lower().rpartition(":")
    if not colon or not re.fullmatch(r"[0-9]{0,9}", port, re.ASCII):
        return text.lower()
    number = int(port) if port else DEFAULT_PORTS[scheme]
    return host if number == DEFAULT_PORTS[scheme] else f"{host}:{number}"


def _without_dots(path: str) -> str:
    kept: list[str] = []
    segments = path.split("/")[1:]
    for n, segment in enumerate(segments):
        last = n == len(segments) - 1
        if segment.lower() in _TWO_DOTS:
            del kept[-1:]
        if segment.lower() not in _ONE_DOT | _TWO_DOTS:
            kept.append(segment)
        elif last:
            kept.append("")
    return "/" + "/".join(kept)
