"""One execution whose host calls are answered by the test."""

import json
from collections.abc import Callable
from typing import Any

import trio
from msgspec import Raw

from sandboxd.executions.engine import Engine
from sandboxd.models import LogLine, Outcome
from sandboxd.protocol.messages import Answer, Capabilities, FetchCapability, HostCall, HostError, HostResult, Run, RunLimits
from tests.support.engines import PROFILE, grant

GRANTED = Capabilities(FetchCapability(None, 1 << 20))


async def asked(
    engine: Engine,
    code: str,
    answer: Answer,
    *,
    granted: Capabilities = GRANTED,
    on_log: Callable[[LogLine], None] | None = None,
    **limits: int,
) -> Outcome:
    """Runs `code` in a worker of the engine."""
    most = grant(engine, **limits).limits
    told = RunLimits(most.output_bytes, most.result_bytes, most.depth)
    request = Run(code, "javascript", PROFILE, False, told, capabilities=granted)
    async with engine.pools[PROFILE].lease("test") as worker:
        return await worker.run(request, most, on_log, answer)


def args_of(call: HostCall) -> dict[str, Any]:
    """The arguments of a host call."""
    told: dict[str, Any] = json.loads(bytes(call.args))
    return told


def answered(
    call: HostCall, body: str | None = None, status: int = 200, headers: tuple[tuple[str, str], ...] = ()
) -> HostResult:
    """The result of a fetch; `body` is base64."""
    value = {"status": status, "status_text": "", "headers": headers, "body": body}
    return HostResult(call.id, Raw(json.dumps(value).encode()))


def refused(call: HostCall, why: str, rule: str) -> HostResult:
    """The result of a fetch that came to nothing."""
    return HostResult(call.id, error=HostError("TypeError", f"fetch failed: {why}", rule))


class Daemon:
    """Answers by the path: /never waits for its abort, /refused is refused, all else succeeds. `calls` are what it heard."""

    def __init__(self) -> None:
        self.calls: list[HostCall] = []
        self.cancelled = 0
        self.at_once = self.most_at_once = 0
        self._aborts: dict[int, trio.Event] = {}

    async def answer(self, call: HostCall) -> HostResult:
        self.calls.append(call)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self._answer(call)
        except trio.Cancelled:
            self.cancelled += 1
            raise
        finally:
            self.at_once -= 1

    async def _answer(self, call: HostCall) -> HostResult:
        args = args_of(call)
        if call.method == "abort":
            self._aborts[args["id"]].set()
            return HostResult(call.id, Raw(b"null"))
        if args["url"].endswith("/never"):
            await self._aborts.setdefault(call.id, trio.Event()).wait()
            return HostResult(call.id, error=HostError("AbortError", "This operation was aborted", "abort"))
        if args["url"].endswith("/refused"):
            return refused(call, "host a is not in the profile's list", "egress.host")
        await trio.lowlevel.checkpoint()
        return answered(call, "aGk=")
