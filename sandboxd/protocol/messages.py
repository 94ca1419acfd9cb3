"""The messages of the worker's channel, named by direction. JSON by msgspec; what a worker sends is hostile."""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Raw, Struct

from sandboxd.errors import ProtocolError

Level = Literal["log", "info", "warn", "error", "debug"]
Kind = Literal[
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
]
Text = Annotated[str, Meta(max_length=16_384)]
Place = Annotated[int, Meta(ge=1, le=2**31)]


class _Message(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    pass


# ------------------------------------------------------------------ to the worker


class RunLimits(Struct, frozen=True):
    """The limits that the harness keeps too, so that it can say which one was met."""

    output_bytes: int
    result_bytes: int
    depth: int


class Run(_Message, tag="run", frozen=True):
    """Run `source`; with `check` refuse it first if it names something forbidden."""

    source: str
    language: str
    dialect: str
    check: bool
    limits: RunLimits
    input: Raw = Raw(b"null")
    data_bytes: int = 0
    """What RLIMIT_DATA becomes before anything is compiled. `encode` demands it; a worker refuses a request without it."""


class Check(_Message, tag="check", frozen=True):
    """Say whether `source` would run, without running it."""

    source: str
    language: str
    data_bytes: int = 0


class Canary(_Message, tag="canary", frozen=True):
    """Make these attempts, which must all fail, one after the other, and print what each gave."""

    attempts: tuple[str, ...]
    data_bytes: int = 0


ToWorker = Run | Check | Canary


# ------------------------------------------------------------------ to the daemon


class Ready(_Message, tag="ready", frozen=True):
    """The worker has booted and waits for its one request."""

    node: Annotated[str, Meta(max_length=100)]
    typescript: bool
    cpu_us: Annotated[int, Meta(ge=0, le=2**53)] = 0
    """CPU time that it has used so far, which is not the execution's."""


class Log(_Message, tag="log", frozen=True):
    """One console call."""

    level: Level
    text: str


class OutputFull(_Message, tag="output_full", frozen=True):
    """The output limit was met: what the code prints from here on is dropped."""


class WorkerFailure(Struct, frozen=True, forbid_unknown_fields=True):
    """Why there is no value."""

    kind: Kind
    name: Text
    message: Text
    line: Place | None = None
    column: Place | None = None
    stack: Text = ""


class Done(Struct, frozen=True):
    """The end: a failure, or a value and perhaps a second one that was returned beside it. A null is a value."""

    value: Raw | None = None
    returned: Raw | None = None
    failure: WorkerFailure | None = None


ToDaemon = Ready | Log | OutputFull | Done

_ABSENT: Final = Raw()


class _WireDone(_Message, tag="done", frozen=True):
    # `Done` as it is read: msgspec takes `Raw | None` for a type that only null fits
    value: Raw = _ABSENT
    returned: Raw = _ABSENT
    failure: WorkerFailure | None = None


_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Ready | Log | OutputFull | _WireDone] = msgspec.json.Decoder(
    Ready | Log | OutputFull | _WireDone
)


def encode(message: ToWorker, *, data_bytes: int) -> bytes:
    """The body of a frame for the worker, whose owner knows how much it has already."""
    return _encoder.encode(msgspec.structs.replace(message, data_bytes=data_bytes))


def decode(body: bytes) -> ToDaemon:
    """The message in a frame from a worker. Raises ProtocolError for anything that is not one."""
    try:
        body.decode()  # msgspec.Raw takes bytes that are not UTF-8
        message = _decoder.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ProtocolError(f"not a message: {type(error).__name__}: {str(error)[:200]}") from None
    if not isinstance(message, _WireDone):
        return message
    value, returned = (None if raw is _ABSENT else raw for raw in (message.value, message.returned))
    return Done(value, returned, message.failure)
