"""A caller of the executions door: submits, waits, pages, watches."""

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any, NamedTuple

from tests.support.daemon import Answer, Daemon

ENDED = ("completed", "failed", "cancelled", "timed_out")
ENDLESS = "console.log('begun'); for (;;) {}"
ASLEEP = "console.log('begun'); await new Promise(resolve => setTimeout(resolve, 250000));"


class Event(NamedTuple):
    """One server-sent event."""

    number: int
    kind: str
    data: Any


class Caller:
    """Somebody with a token."""

    def __init__(self, daemon: Daemon, token: str) -> None:
        self.daemon, self.token = daemon, token

    def ask(self, method: str, path: str, **more: Any) -> Answer:
        """Any request."""
        return self.daemon.request(method, path, token=self.token, **more)

    def exec(self, code: str, *, key: str | None = None, **options: Any) -> Answer:
        """POST /api/exec with a JSON body."""
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key is not None else {})
        return self.ask("POST", "/api/exec", body={"code": code, **options}, headers=headers)

    def submit(self, code: str, **options: Any) -> str:
        """The id of an execution that was accepted."""
        answer = self.exec(code, **options)
        assert answer.status == 202, answer.body
        assert set(answer.json) == {"execution_id"}
        found: str = answer.json["execution_id"]
        return found

    def get(self, execution_id: str, wait: float = 0) -> dict[str, Any]:
        """The execution as it stands, or after at most `wait` seconds."""
        answer = self.ask("GET", f"/api/executions/{execution_id}" + (f"?wait={wait}" if wait else ""))
        assert answer.status == 200, answer.body
        found: dict[str, Any] = answer.json
        return found

    def ended(self, execution_id: str) -> dict[str, Any]:
        """The execution after its end."""
        for _ in range(5):
            if (found := self.get(execution_id, 60))["status"] in ENDED:
                return found
        raise AssertionError(found)

    def run(self, code: str, **options: Any) -> dict[str, Any]:
        """Submitted, and ended."""
        return self.ended(self.submit(code, **options))

    def cancel(self, execution_id: str) -> Answer:
        """POST …/cancel."""
        return self.ask("POST", f"/api/executions/{execution_id}/cancel")

    def page(self, execution_id: str, query: str = "") -> dict[str, Any]:
        """One page of output."""
        answer = self.ask("GET", f"/api/executions/{execution_id}/output" + (f"?{query}" if query else ""))
        assert answer.status == 200, answer.body
        found: dict[str, Any] = answer.json
        return found

    def output(self, execution_id: str) -> str:
        """All output, in one page."""
        page = self.page(execution_id, f"byte_limit={1 << 30}")
        assert (page["start_byte"], page["has_more"]) == (0, False)
        text: str = page["data"]
        return text

    def listed(self, query: str = "") -> list[dict[str, Any]]:
        """The caller's executions."""
        found: list[dict[str, Any]] = self.ask("GET", f"/api/executions{query}").json["executions"]
        return found

    def events(self, execution_id: str, after: int | None = None) -> Iterator[Event]:
        """The events of an execution, for as long as the daemon sends them; to close it is to hang up."""
        headers = {"Authorization": f"Bearer {self.token}"} | ({} if after is None else {"Last-Event-ID": str(after)})
        with closing(http.client.HTTPConnection(self.daemon.host, self.daemon.port, timeout=120)) as connection:
            connection.request("GET", f"/api/executions/{execution_id}/events", headers=headers)
            answer = connection.getresponse()
            assert (answer.status, answer.headers["Content-Type"]) == (200, "text/event-stream"), answer.read()
            yield from _events(answer)


def _events(answer: http.client.HTTPResponse) -> Iterator[Event]:
    fields: dict[str, str] = {}
    while line := answer.readline():
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name:
            fields[name] = value
        elif "event" in fields:
            yield Event(int(fields["id"]), fields["event"], json.loads(fields["data"]))
            fields = {}
        else:
            fields = {}
