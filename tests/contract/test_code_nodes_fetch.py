"""fetch in a code node: what it reaches, what it does not, and what it says then."""

from collections.abc import Callable

import pytest

from tests.support.daemon import Answer, Daemon
from tests.support.upstream import Upstream

Run = Callable[..., Answer]


def test_the_documented_fetch(run: Run, upstream: Upstream) -> None:
    """GET and POST as the API's document shows them, to a host of its list."""
    code = f"""
        const response = await fetch('{upstream.url}/api/data');
        const data = await response.json();
        const posted = await fetch('{upstream.url}/echo', {{
          method: 'POST', headers: {{ 'Content-Type': 'application/json' }}, body: JSON.stringify({{ name: 'John' }})
        }});
        results.data = data; results.echo = await posted.json();
    """
    assert run(code).json["return_value"] == {"data": {"items": [1, 2, 3]}, "echo": {"name": "John"}}


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://evil.example/", "host evil.example is not in the profile's list"),
        ("http://localhost.evil.com/", "host localhost.evil.com is not in the profile's list"),
        ("http://169.254.169.254/", "host 169.254.169.254 is not in the profile's list"),
        ("http://localhost:6379/", "port 6379 is blocked"),
        ("http://0x7f.1:5432/", "port 5432 is blocked"),
        ("ftp://localhost/", "unknown scheme"),
    ],
)
def test_a_fetch_that_is_not_allowed_says_why(run: Run, url: str, why: str) -> None:
    """An ordinary rejection, whose text names the rule; a spelling that normalises to a listed host is that host."""
    assert run(f"await fetch('{url}')").json["error"] == f"TypeError: fetch failed: {why}"
    assert run(f"try {{ await fetch('{url}') }} catch (e) {{ return [e.name, e.message] }}").json["return_value"] == [
        "TypeError",
        f"fetch failed: {why}",
    ]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "LOCALHOST", "0x7f.1", "2130706433"])
def test_code_cannot_call_the_daemon(daemon: Daemon, run: Run, host: str) -> None:
    """Loopback is open to it, the daemon's own port is not, however it is written."""
    body = run(f"await fetch('http://{host}:{daemon.port}/livez')").json
    assert body["error"].endswith(f" on port {daemon.port} is the daemon itself")


def test_sixty_calls_are_the_most(run: Run, upstream: Upstream) -> None:
    """The sixty-first is refused, and counted nowhere but in the daemon."""
    code = (
        f"for (let n = 1; ; n++) {{ try {{ await fetch('{upstream.url}/api/data') }} catch (e) {{ return [n, e.message] }} }}"
    )
    assert run(code, timeout_ms=30_000).json["return_value"] == [61, "fetch failed: more than 60 calls"]


def test_a_response_of_more_than_5_mb_is_cut(run: Run, upstream: Upstream) -> None:
    """An endless one too; the text names the limit."""
    body = run(f"await fetch('{upstream.url}/endless')", timeout_ms=30_000).json
    assert body["error"] == "TypeError: fetch failed: a response of more than 5242880 bytes"


def test_an_upstream_that_never_answers_holds_its_own_execution_only(run: Run, upstream: Upstream) -> None:
    """It ends at its own clock, with what it had printed."""
    body = run(f"console.log('before'); await fetch('{upstream.url}/hang')", timeout_ms=1000).json
    assert (body["status"], body["console_logs"]) == ("timeout", ["before"])
