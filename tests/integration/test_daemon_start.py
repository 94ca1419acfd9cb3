"""The start of the daemon: the address, the configuration, and what is made."""

import http.client
import socket
from pathlib import Path

import pytest

from tests.support.cli import cli, cli_here
from tests.support.daemon import Daemon, Serve, running_daemon
from tests.support.processes import workers
from tests.support.stored import wait_until


def test_the_data_directory_is_the_owner_s_alone(serve: Serve) -> None:
    """Nobody else may read what is in it."""
    data_dir = serve().data_dir
    assert [path.name for path in (data_dir, *data_dir.iterdir()) if path.stat().st_mode & 0o077] == []


def test_a_port_in_use_is_refused_by_name(daemon: Daemon, tmp_path: Path) -> None:
    """The text names the address and why, and the end is exit 2."""
    ended = cli("serve", "--bind", f"127.0.0.1:{daemon.port}", "--data-dir", str(tmp_path / "data"))
    assert (ended.code, "Traceback" in ended.err) == (2, False)
    assert f"Cannot listen on 127.0.0.1:{daemon.port} (bind): Address already in use" in ended.err


@pytest.mark.parametrize("address", ["203.0.113.1:0", "name.invalid:0", "[::ffff]:0"])
def test_an_address_that_is_not_here_is_refused_by_name(tmp_path: Path, address: str) -> None:
    """An address of another machine and a name that stands for nothing are the operator's mistake."""
    ended = cli("serve", "--bind", address, "--data-dir", str(tmp_path / "data"))
    assert (ended.code, f"Cannot listen on {address} (bind): " in ended.err) == (2, True)


def test_an_ipv6_address_is_served(tmp_path: Path) -> None:
    """In brackets an IPv6 address can be listened on."""
    if not socket.has_ipv6 or not Path("/proc/net/if_inet6").exists():
        pytest.skip("this machine has no IPv6")
    with running_daemon(tmp_path / "data", "--bind", "[::1]:0") as daemon:
        connection = http.client.HTTPConnection("::1", daemon.port, timeout=30)
        connection.request("GET", "/livez")
        assert connection.getresponse().status == 200
        connection.close()


def test_a_wrong_address_in_the_configuration_is_refused(tmp_path: Path) -> None:
    """Settings that only the daemon uses are refused by every command."""
    (tmp_path / "c.toml").write_text("bind = 'here'")
    ended = cli("policy", "check", "--config", str(tmp_path / "c.toml"))
    assert (ended.code, "bind must be HOST:PORT" in ended.err) == (2, True)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("unknown_key = 1", ["unknown_key"]),
        ("[pool]\nunknown_key = 1", ["unknown_key", "pool"]),
        ("[pool]\nahead = 0", ["pool.ahead"]),
        ("drain_ms = '1'", ["drain_ms"]),
        ("data_dir = ''", ["data_dir"]),
        ("a = ]", ["line 1"]),
    ],
)
def test_a_wrong_configuration_is_refused_by_name(tmp_path: Path, lines: str, words: list[str]) -> None:
    """The text names the key, or the line; the end is exit 2. Every command reads all of it."""
    (tmp_path / "c.toml").write_text(lines)
    ended = cli_here("policy", "check", "--config", str(tmp_path / "c.toml"))
    assert (ended.code, [word for word in words if word not in ended.err]) == (2, [])


def test_settings_of_the_pool_are_obeyed(serve: Serve) -> None:
    """As many workers are ready as `ahead` says."""
    daemon = serve("[pool]", "ahead = 2", "running = 2")
    assert wait_until(lambda: daemon.request("GET", "/readyz").json["pools"]["code-nodes"]["ready"] == 2)
    assert len(workers(daemon.process.pid)) >= 2


def test_no_process_of_ours_inherits_the_environment(tmp_path: Path) -> None:
    """Launchers and workers have an environment of their own, in which nothing of the daemon's stands."""
    with running_daemon(tmp_path / "data", SOME_SECRET="tell nobody") as daemon:
        found = wait_until(lambda: workers(daemon.process.pid))
        environments = [Path(f"/proc/{process.pid}/environ").read_bytes() for process in found]
        assert [each for each in environments if b"tell nobody" in each] == []


def test_only_the_doors_that_are_named_are_there(serve: Serve) -> None:
    """The others have no workers, and their paths are unknown."""
    daemon = serve('doors = ["executions"]')
    assert list(daemon.request("GET", "/readyz").json["pools"]) == ["executions"]
    assert daemon.request("GET", "/api/version").status == 200
    assert daemon.execute(daemon.token("u"), "return 1").status == 404
