"""Bearer tokens: 256 random bits, of which only a hash is kept. Pure functions; the store is not known here."""

import hmac
import secrets
from hashlib import sha256
from typing import Protocol

from sandboxd.models import Principal

PREFIX = "sbx_"


class StoredToken(Protocol):
    """What is kept of a token; times are milliseconds since the epoch. The store's struct has this shape."""

    @property
    def hash(self) -> str: ...
    @property
    def tenant(self) -> str: ...
    @property
    def user(self) -> str: ...
    @property
    def tier(self) -> str: ...
    @property
    def expires_ms(self) -> int | None: ...
    @property
    def revoked_ms(self) -> int | None: ...


def new_token() -> str:
    """A fresh token: ``sbx_`` and 256 random bits in base64url (43 characters). It is shown once and never kept."""
    return PREFIX + secrets.token_urlsafe(32)


def hash_token(text: str) -> str:
    """What is kept of a token: its SHA-256 in 64 hex digits. Any text has one, also what no token looks like.

    A plain hash is enough: there is nothing to guess in 256 random bits, so there is nothing to slow down.
    """
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def token_id(token_hash: str) -> str:
    """The public name of a token, for ``token list`` and ``token revoke``: the first 12 digits of its hash.

    Whoever holds a token can work out its name; nobody can work out a token from its name.
    """
    return token_hash[:12]


def principal_of(token_hash: str, stored: StoredToken | None, *, now_ms: int) -> Principal | None:
    """Who the bearer is, or None when the token is unknown, expired (from ``expires_ms`` on) or revoked."""
    if stored is None or not hmac.compare_digest(token_hash, stored.hash):
        return None
    if stored.revoked_ms is not None or (stored.expires_ms is not None and stored.expires_ms <= now_ms):
        return None
    return Principal(tenant=stored.tenant, user=stored.user, tier=stored.tier)
