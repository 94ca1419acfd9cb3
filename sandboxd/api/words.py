"""Failures in words, as every door tells them."""

from typing import Final

from sandboxd.models import Failure

MAX_ERROR_BYTES: Final = 4096
_OWN_WORDS: Final = {"stalled", "ended_early", "unsupported", "finding", "timeout", "memory", "restart"}
"""Kinds whose message is the house's and needs no name before it."""


def said(failure: Failure) -> str:
    """A failure as one text."""
    if failure.kind in _OWN_WORDS:
        return failure.message
    return f"{failure.name}: {failure.message}" if failure.message else failure.name


def cut(text: str) -> str:
    """At most 4 KB of it in UTF-8: what code throws may be as long as it likes."""
    return text.encode()[:MAX_ERROR_BYTES].decode(errors="ignore")
