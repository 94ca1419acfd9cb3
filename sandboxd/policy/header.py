"""Which HTTP headers code may set, which are the broker's own, and what a header may be made of. Pure."""

import re
from typing import Final

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")  # neither CR nor LF nor NUL: no header can smuggle another in

_OURS: Final = re.compile(
    "connection|content-length|expect|host|http2-settings|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|via", re.I
)


def is_name(text: str) -> bool:
    """Whether it is a token, as names of headers and methods are."""
    return _NAME.fullmatch(text) is not None


def is_value(text: str) -> bool:
    """Whether it fits into one line of Latin-1."""
    return _VALUE.fullmatch(text) is not None


def is_ours(name: str) -> bool:
    """Whether it says how this connection is used, and so is nobody's to say but the broker's."""
    return _OURS.fullmatch(name) is not None
