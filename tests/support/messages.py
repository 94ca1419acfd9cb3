"""The messages of a worker: their words, written once more for the product's to be held against, and as plain objects."""

import json
from typing import Any

from msgspec import Raw

from sandboxd.errors import ProtocolError
from sandboxd.models import LogLine
from sandboxd.protocol.messages import Done, HostCall, OutputFull, Ready, ToDaemon, WorkerFailure, decode

LEVELS = ("log", "info", "warn", "error", "debug")
KINDS = (
    "error",
    "uncaught",
    "unhandled_rejection",
    "syntax",
    "stalled",
    "ended_early",
    "not_serialisable",
    "result_too_large",
    "unsupported",
    "finding",
)


def depth(value: object) -> int:
    """The depth by definition: a leaf has none, a container one more than its deepest member."""
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


def refused(body: bytes) -> bool:
    """Whether it is refused in the one way that there is, and with few words."""
    try:
        decode(body)
    except ProtocolError as problem:
        return len(problem.message) < 300
    return False


def raws(message: ToDaemon) -> list[bytes]:
    """The JSON texts that a message carries undecoded."""
    if isinstance(message, HostCall):
        return [bytes(message.args)]
    if not isinstance(message, Done):
        return []
    return [bytes(raw) for raw in (message.value, message.returned) if raw is not None]


def as_json(message: ToDaemon) -> dict[str, Any]:
    """The object a message was made of, absent fields being None."""
    words = {Ready: "ready", LogLine: "log", OutputFull: "output_full", HostCall: "host_call", Done: "done"}
    plain: dict[str, Any] = {"type": words[type(message)]}
    for name in message.__struct_fields__:
        plain[name] = getattr(message, name)
    for name in ("value", "returned", "args"):
        if isinstance(plain.get(name), Raw):
            plain[name] = json.loads(bytes(plain[name]))
    if isinstance(failure := plain.get("failure"), WorkerFailure):
        plain["failure"] = {name: getattr(failure, name) for name in failure.__struct_fields__}
    return plain
