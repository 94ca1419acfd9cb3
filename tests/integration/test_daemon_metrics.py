"""What a daemon's metrics say of requests whose number and end are known."""

import http.client
import os
import signal
import socket
import time
from pathlib import Path

from sandboxd import metrics
from sandboxd.models import Status
from tests.support.cli import cli
from tests.support.daemon import BASE, Daemon, Serve, running_daemon
from tests.support.executing import Caller
from tests.support.held import FOREVER, busy, running, send
from tests.support.scraping import Since, ask, scrape
from tests.support.stored import make_token, wait_until
from tests.support.upstream import response, running_upstream

TYPES = {metric.name.removesuffix("_total"): metric.kind for metric in metrics.TABLE}
ENDS = {status.value for status in Status} - {"queued", "running"}


# ------------------------------------------------------------------ what is counted


def test_every_execution_is_counted_by_its_end(daemon: Daemon) -> None:
    """By door, profile and status; what ran has its time, what validation refused has none."""
    token, since = make_token(daemon.data_dir, "ends"), Since(daemon)
    for code, times in {"return 1": 3, "throw new Error('x')": 2, "if (x {": 1}.items():
        for _ in range(times):
            daemon.execute(token, code)
    daemon.execute(token, "for (;;) {}", timeout_ms=1000)
    place = {"door": "code-nodes", "profile": "code-nodes"}
    found = {status: since("sandboxd_executions_total", status=status, **place) for status in ENDS}
    assert found == dict.fromkeys(ENDS, 0) | {"succeeded": 3, "failed": 2, "rejected": 1, "timed_out": 1}
    assert since("sandboxd_execution_wall_seconds_count", door="code-nodes") == 6
    assert since("sandboxd_execution_wall_seconds_sum") >= 1
    assert since("sandboxd_execution_cpu_seconds_total") > 0
    assert (since("sandboxd_http_requests_total", code="200"), since("sandboxd_http_requests_total", code="400")) == (6, 1)


def test_every_loan_has_its_wait_and_every_worker_its_start(daemon: Daemon) -> None:
    """A validation borrows a worker too; for each that is lent another is made."""
    token, since = make_token(daemon.data_dir, "loans"), Since(daemon)
    for _ in range(4):
        daemon.execute(token, "return 1")
    daemon.validate(token, "return 1")
    assert since("sandboxd_lease_wait_seconds_count", profile="code-nodes") == 5
    assert wait_until(lambda: since("sandboxd_worker_start_seconds_count", profile="code-nodes") >= 5)
    assert since("sandboxd_worker_start_failures_total") == 0


def test_a_refusal_is_counted_by_its_limit_and_its_status(daemon: Daemon) -> None:
    """Quotas by name, and every answer by its code."""
    token, since = make_token(daemon.data_dir, "refused", "starter"), Since(daemon)
    with busy(daemon, token):
        assert daemon.execute(token, "return 1").status == 429
        assert (since("sandboxd_running"), since("sandboxd_workers_lent", profile="code-nodes")) == (1, 1)
    assert daemon.execute("sbx_wrong", "return 1").status == 401
    assert daemon.request("GET", "/nowhere").status == 404
    assert (since("sandboxd_quota_refusals_total", limit="concurrent"), since("sandboxd_quota_refusals_total")) == (1, 1)
    assert [since("sandboxd_http_requests_total", code=code) for code in ("429", "401", "404")] == [1, 1, 1]
    assert wait_until(lambda: since("sandboxd_executions_total", status="cancelled") == 1)  # the one that hung up
    assert since("sandboxd_execution_wall_seconds_count") == 0


def test_host_calls_are_counted_by_what_decided(daemon: Daemon) -> None:
    """Allowed, or the rule's name."""
    token, since = make_token(daemon.data_dir, "calls"), Since(daemon)
    with running_upstream({"/": response(b"{}")}) as upstream:
        for url, times in {upstream.url: 2, "https://evil.example/": 1, "http://localhost:6379/": 1}.items():
            for _ in range(times):
                daemon.execute(token, f"try {{ await fetch('{url}') }} catch {{}}")
    verdicts = {"allowed": 2, "egress.host": 1, "egress.blocked_port": 1}
    assert {rule: since("sandboxd_host_calls_total", profile="code-nodes", verdict=rule) for rule in verdicts} == verdicts
    assert since("sandboxd_host_calls_total") == 4


def test_commits_are_timed_and_their_size_is_told(daemon: Daemon) -> None:
    """As many of one as of the other; a take and its record are two items, in one commit or in two."""
    token, since = make_token(daemon.data_dir, "commits"), Since(daemon)
    for _ in range(3):
        daemon.execute(token, "return 1")
    assert wait_until(lambda: since("sandboxd_store_commit_items_sum") >= 6)
    found = scrape(daemon)
    assert found.total("sandboxd_store_commit_seconds_count") == found.total("sandboxd_store_commit_items_count")
    assert since("sandboxd_store_failed_writes_total") == 0


def test_what_is_submitted_is_counted_too(serve: Serve) -> None:
    """Each once, at its end: one that ran, one that never did, one that was cancelled while it ran."""
    daemon = serve('doors = ["executions"]', "[pool]", "running = 1")
    caller = Caller(daemon, make_token(daemon.data_dir, "submits"))
    caller.run("1 + 1")
    running = caller.submit("console.log('begun'); for (;;) {}")
    assert wait_until(lambda: caller.page(running)["data"] == "begun\n")
    queued = caller.submit("2")
    assert scrape(daemon).total("sandboxd_queued_submissions") == 1
    for each in (queued, running):
        assert caller.cancel(each).status == 200
    found = scrape(daemon)
    place = {"door": "executions", "profile": "executions"}
    assert [found.total("sandboxd_executions_total", status=each, **place) for each in ("succeeded", "cancelled")] == [1, 2]
    assert found.total("sandboxd_executions_total") == 3
    assert found.total("sandboxd_execution_wall_seconds_count", door="executions") == 1
    assert found.total("sandboxd_queued_submissions") == 0


def test_a_lost_fork_server_is_counted(serve: Serve) -> None:
    """And the one that comes after it is timed."""
    daemon = serve("[pool]", "ahead = 1")
    assert scrape(daemon).total("sandboxd_worker_source_start_seconds_count") == 1
    server = min(pid for pid in daemon.family() if b"children" in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(server, signal.SIGKILL)
    assert wait_until(lambda: scrape(daemon).total("sandboxd_worker_sources_lost_total", profile="code-nodes") == 1)
    assert wait_until(lambda: scrape(daemon).total("sandboxd_worker_source_start_seconds_count") == 2)
    assert wait_until(lambda: scrape(daemon).total("sandboxd_pool_degraded") == 0)


# ------------------------------------------------------------------ what is told of whom


def test_a_scrape_has_every_metric(daemon: Daemon) -> None:
    """With its type, its labels, and what the process itself uses."""
    daemon.execute(make_token(daemon.data_dir, "one"), "try { await fetch('https://evil.example/') } catch {}")
    found = scrape(daemon)
    assert {name: found.kinds.get(name) for name in TYPES} == TYPES
    labels = {(name, tuple(sorted(label for label, _ in those if label != "le"))) for name, those in found.samples}
    for metric in metrics.TABLE:
        assert {those for name, those in labels if name.startswith(metric.name)} <= {tuple(sorted(metric.labels))}
    build = next(dict(those) for name, those in found.samples if name == "sandboxd_build_info")
    assert (build["version"], build["node"], build["workers"]) == (
        daemon.request("GET", "/openapi.json").json["info"]["version"],
        daemon.request("GET", "/readyz").json["node"],
        "fork",
    )
    assert found.total("process_resident_memory_bytes") > 10 << 20


def hostile(daemon: Daemon, word: str) -> None:
    """Requests that carry a word wherever they can."""
    token = make_token(daemon.data_dir, f"user-{word}", tenant=f"tenant-{word}")
    code = f"""
        console.log('{word}');
        for (const url of ['http://{word}.example/', 'http://localhost:1/{word}', '{word}://x', 'http://127.0.0.1:6379/?{word}'])
            try {{ await fetch(url, {{ method: '{word}', headers: {{ '{word}': '{word}' }} }}) }} catch {{}}
        const error = new Error('{word}'); error.name = '{word}'; throw error;
    """
    daemon.execute(token, code)
    daemon.execute(word, "return 1")
    daemon.execute(token, f"if ({word}")
    for method, path in (("GET", f"/{word}"), (word.upper(), "/livez"), ("GET", f"/readyz?{word}"), ("POST", f"{BASE}/{word}")):
        daemon.request(method, path, token=token, body={word: word}, headers={word: word})
    connection = http.client.HTTPConnection(daemon.metrics, timeout=60)
    connection.request("GET", f"/metrics?{word}={word}", headers={"Accept": word, "User-Agent": word})
    assert connection.getresponse().status == 200
    connection.close()


def test_nobody_can_put_a_word_into_the_metrics_or_make_them_grow(daemon: Daemon) -> None:
    """No user, tenant, host, path, method, error or header stands in them; the second to try adds no series at all."""
    hostile(daemon, "harry")
    before = set(scrape(daemon).samples)
    for word in ("sally", "wally", "molly"):
        hostile(daemon, word)
    assert set(scrape(daemon).samples) == before
    page = ask(daemon).body.decode()
    assert [word for word in ("harry", "sally", "wally", "molly", "evil", "user-", "tenant-") if word in page] == []


# ------------------------------------------------------------------ the listener

MANY = 500
"""Answers that are more than what kernels keep for a connection."""


def unread(client: socket.socket) -> int:
    """Bytes that have come and lie there."""
    try:
        return len(client.recv(65_536, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except BlockingIOError:
        return 0


def test_metrics_are_not_at_the_api_and_the_api_not_at_the_metrics(daemon: Daemon) -> None:
    """Each listener knows its own paths alone."""
    assert daemon.request("GET", "/metrics").status == 404
    for method, path in (
        ("GET", "/livez"),
        ("GET", "/readyz"),
        ("GET", "/"),
        ("POST", f"{BASE}/execute"),
        ("GET", "/metrics/"),
    ):
        assert (ask(daemon, method, path).status, ask(daemon, method, path).json) == (404, {"error": "Not Found"})


def test_the_page_is_only_read(daemon: Daemon) -> None:
    """HEAD has no body, and other methods are refused."""
    head = ask(daemon, "HEAD")
    assert (head.status, head.body, head.headers["Content-Type"].partition(";")[0]) == (200, b"", "text/plain")
    assert [ask(daemon, method).status for method in ("POST", "PUT", "DELETE", "OPTIONS")] == [405] * 4


def test_openmetrics_is_told_to_who_asks_for_it(daemon: Daemon) -> None:
    """Prometheus itself prefers it."""
    answer = ask(daemon, Accept="application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert answer.body.endswith(b"# EOF\n")


def test_code_cannot_reach_the_metrics(daemon: Daemon) -> None:
    """Loopback is open to it, the daemon's ports are not."""
    body = daemon.execute(make_token(daemon.data_dir, "curious"), f"await fetch('http://{daemon.metrics}/metrics')").json
    assert body["error"].endswith(" is the daemon itself")


def test_a_port_in_use_is_refused_by_name(daemon: Daemon, tmp_path: Path) -> None:
    """The text names the setting, the address, and what to do; the end is exit 2."""
    data = str(tmp_path / "data")
    ended = cli("serve", "--bind", "127.0.0.1:0", "--data-dir", data, SANDBOXD_METRICS_BIND=daemon.metrics)
    assert (ended.code, "Traceback" in ended.err) == (2, False)
    assert f"Cannot listen on {daemon.metrics} (metrics.bind): Address already in use" in ended.err
    assert "SANDBOXD_METRICS_BIND" in ended.err


def test_without_an_address_there_is_no_listener(tmp_path: Path) -> None:
    """The daemon listens at one port."""
    (tmp_path / "c.toml").write_text('doors = ["code-nodes"]\n[metrics]\nbind = ""\n')
    with running_daemon(tmp_path / "data", "--config", str(tmp_path / "c.toml"), SANDBOXD_METRICS_BIND="") as daemon:
        assert daemon.request("GET", "/livez").status == 200
        assert [line for line in daemon.log() if "metrics" in line] == []


def test_a_slow_scraper_does_not_hold_the_stop(serve: Serve) -> None:
    """One that sends nothing, one that sends half a request, and one that sends many and reads no answer."""
    daemon = serve("drain_ms = 1000")
    host, _, port = daemon.metrics.partition(":")
    head = b"GET /metrics HTTP/1.1\r\nHost: x\r\n"
    clients = []
    for asked in (b"", head, (head + b"\r\n") * MANY):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect((host, int(port)))
        client.sendall(asked)
        clients.append(client)
    assert wait_until(lambda: unread(clients[-1]) >= 1024)
    time.sleep(0.5)  # it goes on until all that lies between them is full
    begun = time.monotonic()
    assert daemon.stop() == 0
    assert time.monotonic() - begun < 15
    for client in clients:
        client.close()


def test_a_drain_can_be_watched(serve: Serve) -> None:
    """While what runs is finished the metrics still answer."""
    daemon = serve("drain_ms = 60000")
    client = send(daemon, make_token(daemon.data_dir, "last"), FOREVER, timeout_ms=30_000)
    assert wait_until(lambda: running(daemon) == 1)
    daemon.process.send_signal(signal.SIGTERM)
    assert wait_until(lambda: any('"draining"' in line for line in daemon.log()))
    assert scrape(daemon).total("sandboxd_running") == 1
    assert daemon.stop() == 0
    client.close()
