"""The host calls of one execution: each is answered by its capability, counted, and told to the log."""

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec
import structlog
import trio
from msgspec import Raw

from sandboxd import metrics
from sandboxd.broker.capability import Call, CallRefused, Capability, Method
from sandboxd.protocol.messages import HostCall, HostError, HostResult

log = structlog.get_logger()

MOST_LINES: Final = 256
"""Calls of one execution that have a line each in the log; the others are a number there. A log is not the code's to fill."""
Told = Callable[[dict[str, Any]], None]
"""Hears of each call that has a line in the log: which, whether it was allowed, by which rule not, and how long it took."""
_NULL: Final = Raw(b"null")


class Session:
    """What stands between one execution and its capabilities. `who` names the execution in the log."""

    def __init__(self, capabilities: Iterable[Capability], told: Told | None = None, **who: Any) -> None:
        self._offered = iter(capabilities)
        self._capabilities: dict[str, Capability] = {}
        self._who, self._hear = who, told
        self._log: Any = None
        self._told = 0
        self.calls = 0
        self.refused = 0
        """How many of the calls came to nothing: refused, failed, aborted, cut off by the end."""

    async def answer(self, call: HostCall) -> HostResult:
        """The result of one call. Raises nothing for what the code did."""
        self.calls += 1
        begun, facts = trio.current_time(), dict[str, Any]()
        result = HostResult(call.id, error=HostError("Error", "the execution has ended", "end"))
        try:
            try:
                method, args = self._find(call)
                value = await method.answer(Call(call.id, facts), args)
                result = HostResult(call.id, value=_NULL if value is None else Raw(msgspec.json.encode(value)))
            except CallRefused as refusal:
                result = HostResult(call.id, error=HostError(refusal.name, refusal.message, refusal.rule))
        finally:
            rule = result.error.rule if result.error is not None else None
            self.refused += rule is not None
            metrics.HOST_CALLS.labels(self._who.get("profile", ""), rule or "allowed").inc()
            self._tell(
                "host call",
                call=call.id,
                capability=call.capability,
                method=call.method,
                allowed=rule is None,
                rule=rule,
                wall_ms=round((trio.current_time() - begun) * 1000, 1),
                **facts,
            )
        return result

    def close(self) -> None:
        """The execution has ended."""
        if self.calls > MOST_LINES:
            self._log.warning("host calls without a line", count=self.calls - MOST_LINES)

    def _tell(self, event: str, **facts: Any) -> None:
        if self._told < MOST_LINES:
            self._told += 1
            if self._log is None:
                self._log = log.bind(**self._who)  # most executions never say a word
            self._log.info(event, **facts)
            if self._hear is not None:
                self._hear(facts)

    def _find(self, call: HostCall) -> tuple[Method, Any]:
        """The method, and its arguments as it wants them."""
        self._capabilities |= {each.name: each for each in self._offered}  # at the first call: most executions make none
        capability = self._capabilities.get(call.capability)
        if capability is None:
            raise CallRefused(f"this profile grants no {call.capability} capability", rule="capability")
        method = capability.methods.get(call.method)
        if method is None:
            raise CallRefused(f"{call.capability} has no method {call.method}", rule="method")
        try:
            return method, msgspec.json.decode(call.args, type=method.args)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise CallRefused(f"{call.capability}.{call.method}: {error}", rule="arguments") from None
