"""Credentials, and TLS, without which there is no point in them."""

import ssl
from pathlib import Path

import pytest
import trio
import trustme
from structlog.testing import capture_logs

from sandboxd.errors import SettingsError
from tests.support.brokers import fetch_of, host, opened_broker, opened_session, refusal, value
from tests.support.upstream import Names, open_upstream, redirect, response

API, OTHER = "api.example", "other.example"
NAMES = {API: ["127.0.0.1"], OTHER: ["127.0.0.1"]}
CA = trustme.CA()


def server(*names: str) -> ssl.SSLContext:
    """A server's side, with a certificate for these names."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    CA.issue_cert(*names).configure_cert(context)
    return context


def trusting() -> ssl.SSLContext:
    """A client's side, as the daemon's own but for whom it trusts."""
    context = ssl.create_default_context()
    CA.configure_trust(context)
    return context


OUTSIDE = {"tls": trusting, "resolve": Names(**NAMES)}


async def test_https_is_verified_and_works() -> None:
    """The name in the certificate is the one that the code wrote, not the address that was connected to."""
    async with open_upstream({"/": response(b"secure")}, server(API)) as upstream:
        async with opened_session(fetch_of(host(API, reach=["loopback"])), **OUTSIDE) as session:
            for _ in range(2):
                got = await value(session, f"https://{API}:{upstream.port}/")
                assert got.body == b"secure"
        assert [seen.header("host") for seen in upstream.seen] == [f"{API}:{upstream.port}"] * 2
        assert upstream.connections == 1


@pytest.mark.parametrize(("names", "trust"), [([OTHER], trusting), ([API], ssl.create_default_context)], ids=["name", "issuer"])
async def test_a_certificate_that_is_not_to_be_trusted_ends_the_call(names: list[str], trust: object) -> None:
    """Another name, or an issuer whom nobody knows; no request is sent."""
    async with open_upstream({"/": response(b"")}, server(*names)) as upstream:
        outside = OUTSIDE | {"tls": trust}
        async with opened_session(fetch_of(host(API, reach=["loopback"])), **outside) as session:
            found = await refusal(session, f"https://{API}:{upstream.port}/")
        assert (found.rule, "certificate" in found.message, upstream.seen) == ("upstream.certificate", True, [])


async def test_a_server_without_tls_is_told_apart() -> None:
    """Plain HTTP on the port of an https URL."""

    async def speaks_plainly(stream: trio.SocketStream) -> None:
        await stream.send_all(response(b"", status="400 Bad Request"))

    async with open_upstream({}) as upstream:
        upstream.serve = speaks_plainly  # type: ignore[method-assign]
        async with opened_session(fetch_of(host("127.0.0.1", reach=["loopback"])), **OUTSIDE) as session:
            found = await refusal(session, f"https://127.0.0.1:{upstream.port}/")
    assert found.rule == "upstream.tls"


async def test_a_server_that_never_ends_its_handshake_is_left() -> None:
    """At the time limit, and the connection is closed."""
    left = trio.Event()

    async def listens_only(stream: trio.SocketStream) -> None:
        while await stream.receive_some():
            pass
        left.set()

    async with open_upstream({}) as upstream:
        upstream.serve = listens_only  # type: ignore[method-assign]
        async with opened_session(fetch_of(host("127.0.0.1", reach=["loopback"]), wall_ms=300), **OUTSIDE) as session:
            assert (await refusal(session, f"https://127.0.0.1:{upstream.port}/")).rule == "limit.wall_ms"
            with trio.fail_after(20):
                await left.wait()


async def test_a_credential_from_a_file_is_sent_and_never_seen(tmp_path: Path) -> None:
    """The server gets it; whatever code gets, the log and every error have nothing of it."""
    (tmp_path / "token").write_text("s3cret\n")
    secret = {"host": API, "header": "Authorization", "prefix": "Bearer ", "file": str(tmp_path / "token")}
    async with open_upstream({"/": response(b"ok")}, server(API)) as upstream:
        entry = host(API, reach=["loopback"], schemes=["https"], ports=[upstream.port])
        fetch = fetch_of(entry, credentials=[secret])
        upstream.routes = {"/": response(b"ok"), "/away": redirect(f"https://{OTHER}:{upstream.port}/")}
        url = f"https://{API}:{upstream.port}"
        with capture_logs() as events:
            async with opened_session(fetch, **OUTSIDE) as session:
                told: list[object] = [await value(session, f"{url}/", headers=[("authorization", "mine")])]
                told += [await value(session, f"{url}/away"), await refusal(session, f"{url}/", method="TRACE")]
                told += [await refusal(session, f"{url}/", headers=[("a b", "")])]
        assert [seen.header("authorization") for seen in upstream.seen] == ["Bearer s3cret"] * 2
    assert "s3cret" not in f"{told} {events} {fetch} {session!r}"


@pytest.mark.parametrize("text", [None, b"", b" \n", b"a\nb", b"a\0b"])
async def test_a_credential_that_cannot_be_read_ends_the_start(tmp_path: Path, text: bytes | None) -> None:
    """The file is named, and what is in it is not."""
    file = tmp_path / "token"
    if text is not None:
        file.write_bytes(text)
    secret = {"host": API, "header": "X-Key", "file": str(file)}
    fetch = fetch_of(host(API, schemes=["https"], ports=[443]), credentials=[secret])
    with pytest.raises(SettingsError) as caught:
        async with opened_broker(fetch):
            pass
    assert (str(file) in caught.value.message, "a\nb" in caught.value.message) == (True, False)
