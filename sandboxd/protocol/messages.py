"""The messages of the worker's channel, named by direction. JSON by msgspec; what a worker sends is hostile."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Raw, Struct

from sandboxd.errors import ProtocolError
from sandboxd.models import LogLine

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
Name = Annotated[str, Meta(min_length=1, max_length=64)]

HOST_CALLS_PENDING: Final = 256
"""Host calls of one worker that may be without an answer; one more breaks the protocol."""
HOST_CALLS_MOST: Final = 10_000
"""Host calls of one worker in all."""


class _Message(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    pass


# ------------------------------------------------------------------ to the worker


class RunLimits(Struct, frozen=True):
    """The limits that the harness keeps too, so that it can say which one was met."""

    output_bytes: int
    result_bytes: int
    depth: int


CALL_ROOM: Final = 128 << 10
"""The arguments of a host call without the body: a URL and headers."""


class FetchCapability(Struct, frozen=True):
    """What the harness must know of a grant to fetch; the rest of it is the broker's."""

    base_url: str | None
    """What relative URLs are relative to."""
    request_bytes: int
    """The longest body of a request, so that a longer one is refused before it is sent."""


class Capabilities(Struct, frozen=True, omit_defaults=True):
    """Which host calls the code may make. What is absent is not granted."""

    fetch: FetchCapability | None = None

    @property
    def call_bytes(self) -> int:
        """The longest arguments of one host call, which is also the most that may be without an answer; 0: no calls."""
        return 0 if self.fetch is None else 4 * -(-self.fetch.request_bytes // 3) + CALL_ROOM


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
    heap_bytes: int = 0
    """What V8's own limit becomes: it was started with the profile's most, and would collect no garbage before that."""
    capabilities: Capabilities = Capabilities()


class Check(_Message, tag="check", frozen=True):
    """Say whether `source` would run, without running it."""

    source: str
    language: str
    data_bytes: int = 0
    heap_bytes: int = 0


class Canary(_Message, tag="canary", frozen=True):
    """Make these attempts, which must all fail, one after the other, and print what each gave."""

    attempts: tuple[str, ...]
    data_bytes: int = 0
    heap_bytes: int = 0


Request = Run | Check | Canary
"""The one request of a worker."""


class HostError(Struct, frozen=True):
    """Why a host call was refused or failed: an error as the code sees it, and `rule`, a short name of what decided.

    It reaches untrusted code: no address of the inside, no credential, no path of the daemon.
    """

    name: str
    message: str
    rule: str = ""


class HostResult(_Message, tag="host_result", frozen=True, omit_defaults=True):
    """The answer to the host call of that id: a value (a null is one, as JSON) or an error, never both."""

    id: int
    value: Raw | None = None
    error: HostError | None = None


ToWorker = Request | HostResult


# ------------------------------------------------------------------ to the daemon


class Ready(_Message, tag="ready", frozen=True):
    """The worker has booted and waits for its one request."""

    node: Annotated[str, Meta(max_length=100)]
    typescript: bool
    cpu_us: Annotated[int, Meta(ge=0, le=2**53)] = 0
    """CPU time that it has used so far, which is not the execution's."""


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


class HostCall(_Message, tag="host_call", frozen=True):
    """A call that the daemon is asked to answer by policy. `args` is well-formed JSON and nothing more: as yet unread."""

    id: Annotated[int, Meta(ge=1, le=HOST_CALLS_MOST)]
    """Each greater than the one before."""
    capability: Name
    method: Name
    args: Raw


ToDaemon = Ready | LogLine | OutputFull | HostCall | Done

Answer = Callable[[HostCall], Awaitable[HostResult]]
"""Who answers host calls. It raises for faults of the house, never for what the code did."""

_ABSENT: Final = Raw()


class _WireDone(_Message, tag="done", frozen=True):
    # `Done` as it is read: msgspec takes `Raw | None` for a type that only null fits
    value: Raw = _ABSENT
    returned: Raw = _ABSENT
    failure: WorkerFailure | None = None


_encoder = msgspec.json.Encoder()
_Wire = Ready | LogLine | OutputFull | HostCall | _WireDone
_decode: Final[Callable[[bytes | bytearray], _Wire]] = msgspec.json.Decoder(_Wire).decode


def encode(message: Request, *, data_bytes: int, heap_bytes: int = 0) -> bytes:
    """The body of a frame for the worker, whose owner knows how much it has already."""
    return _encoder.encode(msgspec.structs.replace(message, data_bytes=data_bytes, heap_bytes=heap_bytes))


def encode_result(result: HostResult) -> bytes:
    """The body of a frame that answers a host call."""
    return _encoder.encode(result)


def decode(body: bytes | bytearray) -> ToDaemon:
    """The message in a frame from a worker. Raises ProtocolError for anything that is not one."""
    try:
        message = _decode(body)
        if type(message) is LogLine:  # all text, which is looked at
            return message
        body.decode()  # msgspec.Raw takes bytes that are not UTF-8
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ProtocolError(f"not a message: {type(error).__name__}: {str(error)[:200]}") from None
    if not isinstance(message, _WireDone):
        return message
    value, returned = (None if raw is _ABSENT else raw for raw in (message.value, message.returned))
    return Done(value, returned, message.failure)
