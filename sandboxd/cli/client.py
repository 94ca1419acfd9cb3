"""A client of a daemon's executions door: HTTP, and events that survive a lost connection."""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpcore2 as http
import msgspec
from msgspec import Struct

from sandboxd import __version__
from sandboxd.errors import RemoteError

_TIMEOUTS: Final = {"connect": 10.0, "write": 30.0, "read": 90.0, "pool": 10.0}
"""In seconds. The longest silence that is not a fault is a long poll's, or that between two keep-alives."""
_LOST: Final = (http.NetworkError, http.ProtocolError, http.TimeoutException)
_PAUSES_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0)
"""Before each attempt to take up events again; when all were in vain, it is given up."""


def path_of(execution_id: str, below: str = "") -> str:
    """The path of an execution."""
    return f"/api/executions/{quote(execution_id, safe='')}{below}"


class Event(Struct, frozen=True):
    """One event of an execution's journal."""

    number: int
    kind: str
    data: Any


class Client:
    """Asks the daemon at a URL by a token. Raises RemoteError, whatever is wrong."""

    def __init__(self, url: str, token: str) -> None:
        if not re.fullmatch(r"https?://[!-~]+", url):
            raise RemoteError(f"The URL of a daemon is like http://127.0.0.1:8000, not {url!r}")
        if not re.fullmatch("[!-~]+", token):
            raise RemoteError("The token is not one: it has characters that no token has")
        self._url, self._pool = url.rstrip("/"), http.ConnectionPool(keepalive_expiry=4)
        self._headers = {"Authorization": f"Bearer {token}", "User-Agent": f"sandboxd/{__version__}"}

    def ask(self, method: str, path: str, *, body: Any = None, headers: Mapping[str, str] | None = None, **query: Any) -> Any:
        """The decoded answer. Parameters that are None are left out."""
        given = {name: value for name, value in query.items() if value is not None}
        target = f"{path}?{urlencode(given)}" if given else path
        content = None if body is None else msgspec.json.encode(body)
        more = {"Content-Type": "application/json"} if body is not None else {}
        with self._sent(method, target, more | dict(headers or {}), content) as response:
            data = response.read()
            _demand(response.status, data)
            return _decoded(data)

    def submit(self, request: Mapping[str, Any], key: str) -> str:
        """The id of the execution; it is submitted once by this key, however often it has to be sent."""
        headers = {"Idempotency-Key": key}
        try:
            answer = self.ask("POST", "/api/exec", body=request, headers=headers)
        except ConnectionLost:
            answer = self.ask("POST", "/api/exec", body=request, headers=headers)
        return str(answer["execution_id"])

    def events(self, execution_id: str) -> Iterator[Event]:
        """What happens to an execution, from its beginning until it has finished."""
        last, pauses = 0, iter(_PAUSES_S)
        while True:
            try:
                for event in self._events(execution_id, last):
                    last, pauses = event.number, iter(_PAUSES_S)
                    yield event
                    if event.kind == "finished":
                        return
                lost: RemoteError = RemoteError("The daemon ended the events before the execution had finished")
            except (ConnectionLost, Unavailable) as problem:
                lost = problem
            if (pause := next(pauses, None)) is None:
                raise lost
            time.sleep(pause)

    def _events(self, execution_id: str, last: int) -> Iterator[Event]:
        headers = {"Last-Event-ID": str(last)} if last else {}
        with self._sent("GET", path_of(execution_id, "/events"), headers) as response:
            if response.status != 200:
                _demand(response.status, response.read())
            fields: dict[str, str] = {}
            for line in _lines(response.iter_stream()):
                name, _, value = line.partition(":")
                if line:
                    fields[name] = value.removeprefix(" ")
                elif "data" in fields:
                    yield Event(int(fields["id"]), fields["event"], _decoded(fields["data"].encode()))
                    fields = {}

    @contextmanager
    def _sent(
        self, method: str, target: str, headers: Mapping[str, str], content: bytes | None = None
    ) -> Iterator[http.Response]:
        url, sent = self._url + target, [*self._headers.items(), *headers.items()]
        try:
            with self._pool.stream(method, url, headers=sent, content=content, extensions={"timeout": _TIMEOUTS}) as response:
                yield response
        except http.ConnectError as problem:
            raise Unavailable(f"{self._url} cannot be reached: {problem}") from None
        except _LOST as problem:
            raise ConnectionLost(f"The connection to {self._url} was lost: {problem or type(problem).__name__}") from None
        except (http.UnsupportedProtocol, ValueError) as problem:
            raise RemoteError(f"{self._url} is not the URL of a daemon: {problem}") from None


class Unavailable(RemoteError):
    """The daemon cannot be reached now."""


class ConnectionLost(RemoteError):
    """The connection broke in the middle of a request."""


class _Told(Struct):
    error: str
    limit: str | None = None
    retry_after: int | None = None


def _demand(status: int, data: bytes) -> None:
    """Raises RemoteError with the daemon's own words where it refused."""
    if status < 400:
        return
    try:
        told = msgspec.json.decode(data, type=_Told)
    except msgspec.MsgspecError:
        told = _Told(f"HTTP {status}, which no daemon says")
    more = [told.limit, f"again in {told.retry_after} s" if told.retry_after else None]
    words = ", ".join(part for part in more if part)
    raise (Unavailable if status == 503 else RemoteError)(f"{told.error} ({words})" if words else told.error)


def _decoded(data: bytes) -> Any:
    try:
        return msgspec.json.decode(data)
    except msgspec.MsgspecError:
        raise RemoteError("The answer is not JSON: is that the URL of a daemon?") from None


def _lines(chunks: Iterator[bytes]) -> Iterator[str]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.decode()
