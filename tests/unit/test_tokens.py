"""Tokens: what they are made of and whom they name."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from sandboxd.auth.tokens import hash_token, new_token, principal_of, token_id
from sandboxd.models import Principal

NOW = 1_700_000_000_000


class Stored(Struct, frozen=True):
    hash: str
    tenant: str = "acme"
    user: str = "ann"
    tier: str = "starter"
    expires_ms: int | None = None
    revoked_ms: int | None = None


TOKEN = new_token()
STORED = Stored(hash_token(TOKEN))


def test_a_token_has_256_random_bits() -> None:
    """Behind the prefix stand 32 bytes, other ones each time."""
    assert len(base64.urlsafe_b64decode(TOKEN.removeprefix("sbx_") + "=")) == 32
    assert new_token() != TOKEN


def test_the_hash_is_plain_sha256() -> None:
    """What is kept can be checked with any tool: SHA-256 in hex."""
    assert hash_token("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@given(st.text(st.characters()))
def test_any_header_text_has_a_hash(text: str) -> None:
    """No text a client can send, lone surrogates included, makes hashing fail."""
    assert len(hash_token(text)) == 64


def test_a_good_token_names_its_bearer() -> None:
    """A stored token that is neither revoked nor expired gives its principal."""
    assert principal_of(hash_token(TOKEN), STORED, now_ms=NOW) == Principal("acme", "ann", "starter")


@pytest.mark.parametrize(
    "stored",
    [
        None,
        replace(STORED, hash=hash_token("another")),
        replace(STORED, revoked_ms=NOW - 1),
        replace(STORED, expires_ms=NOW),
    ],
    ids=["unknown", "other hash", "revoked", "expired now"],
)
def test_a_bad_token_names_nobody(stored: Stored | None) -> None:
    """Unknown, foreign, revoked and expired tokens are all the same to the caller: nobody."""
    assert principal_of(hash_token(TOKEN), stored, now_ms=NOW) is None


def test_a_token_is_good_until_it_expires() -> None:
    """One millisecond before its expiry a token still works."""
    assert principal_of(hash_token(TOKEN), replace(STORED, expires_ms=NOW + 1), now_ms=NOW) is not None


def test_the_public_id_comes_from_the_hash() -> None:
    """A token's id can be worked out by its holder and says nothing about the token."""
    assert hash_token(TOKEN).startswith(token_id(hash_token(TOKEN)))
