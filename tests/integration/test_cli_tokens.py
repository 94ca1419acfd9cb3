"""`sandboxd token`: what it prints, what it refuses, and that a running daemon obeys it."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.cli import cli, cli_here, refused
from tests.support.daemon import BASE, Daemon
from tests.support.stored import id_of

TOKEN = re.compile(r"sbx_[A-Za-z0-9_-]{43}\n")


def test_token_create_prints_the_token_alone(data: str) -> None:
    """One line on stdout, ready for a variable of a shell; the data directory is created for its owner alone."""
    ended = cli("token", "create", "--user", "u", "--data-dir", data)
    assert (ended.code, bool(TOKEN.fullmatch(ended.out)), ended.err) == (0, True, "")
    assert Path(data).stat().st_mode & 0o777 == 0o700


def test_token_list_shows_ids_and_never_tokens(data: str) -> None:
    """A line has id, tenant, user, tier, the day and the state; starter is the default tier."""
    token = cli("token", "create", "--user", "u", "--tenant", "t", "--data-dir", data).out.strip()
    ended = cli("token", "list", "--data-dir", data)
    assert ended.out.startswith(f"{id_of(token)}\tt\tu\tstarter\t")
    assert (ended.code, ended.out.endswith("\tvalid\n"), token in ended.out) == (0, True, False)


def test_token_list_of_nothing_is_empty(data: str) -> None:
    """Without tokens nothing is listed."""
    assert cli("token", "list", "--data-dir", data) == (0, "", "")


def test_token_list_shows_the_states(data: str) -> None:
    """A token is valid, valid until, expired or revoked."""
    create = ("token", "create", "--user", "u", "--data-dir", data)
    revoked = cli(*create).out.strip()
    cli(*create, "--expires", "30")
    cli(*create, "--expires", "0.0000001")
    cli("token", "revoke", id_of(revoked), "--data-dir", data)
    states = [line.split("\t")[5].split(" 20")[0] for line in cli("token", "list", "--data-dir", data).out.splitlines()]
    assert sorted(states) == ["expired", "revoked", "valid until"]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--tier", "gold"),
        ("--user", ""),
        ("--user", "a\tb"),
        ("--user", "x" * 201),
        ("--tenant", "a\nb"),
        ("--expires", "0"),
        ("--expires", "-1"),
        ("--expires", "nan"),
        ("--expires", "1e300"),
        ("--expires", "soon"),
    ],
)
def test_token_create_refuses_by_name(data: str, option: str, value: str) -> None:
    """The text names the option, or the tier and those that there are."""
    ended = cli_here("token", "create", "--user", "u", "--data-dir", data, option, value)
    refused(ended, *(["'gold'", "starter", "service"] if option == "--tier" else [option]))


def test_token_revoke_of_an_unknown_id_is_refused(data: str) -> None:
    """The text names the id."""
    refused(cli("token", "revoke", "0123456789ab", "--data-dir", data), "0123456789ab")


def test_token_commands_refuse_a_directory_that_cannot_be(file: Callable[[str], str]) -> None:
    """Below a file there is no directory; the text names it."""
    below = file("") + "/data"
    refused(cli("token", "list", "--data-dir", below), below)


def test_a_token_works_at_once_while_the_daemon_runs(daemon: Daemon) -> None:
    """Tokens are made beside a running daemon, and the next request knows them."""
    token = daemon.token("fresh", "starter")
    assert daemon.execute(token, "return 1").status == 200


def test_a_revocation_holds_at_once_while_the_daemon_runs(daemon: Daemon) -> None:
    """After the command has ended no request with that token is served."""
    token = daemon.token("gone")
    assert daemon.execute(token, "return 1").status == 200
    assert cli("token", "revoke", id_of(token), "--data-dir", str(daemon.data_dir)) == (0, "", "")
    assert daemon.execute(token, "return 1").status == 401


def test_an_expired_token_stops_working(daemon: Daemon) -> None:
    """--expires is obeyed by the daemon: before the end a token works, after it not."""
    for days, status in (("1", 200), ("0.0000001", 401)):
        token = daemon.token("brief", "starter", "--expires", days)
        assert daemon.request("GET", f"{BASE}/templates", token=token).status == status
