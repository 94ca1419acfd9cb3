"""What a worker may say, and when. Pure: bytes in, messages out, and ProtocolError for everything else."""

from collections.abc import Sequence
from enum import Enum, auto
from typing import Final

from sandboxd.errors import ProtocolError
from sandboxd.models import Limits
from sandboxd.protocol.frames import FrameReader
from sandboxd.protocol.messages import (
    CALL_ROOM,
    HOST_CALLS_PENDING,
    Done,
    HostCall,
    Log,
    OutputFull,
    Ready,
    ToDaemon,
    decode,
)
from sandboxd.protocol.shape import deeper_than

READY_CAP: Final = 4096
_ESCAPED: Final = 6  # bytes that JSON may take for one byte of text
_ROOM: Final = 128 << 10  # a failure's texts and the message around them


class State(Enum):
    """Where the conversation stands."""

    booting = auto()
    idle = auto()
    running = auto()
    full = auto()
    ended = auto()


_LEGAL: Final[dict[State, dict[type[ToDaemon], State]]] = {
    State.booting: {Ready: State.idle},
    State.idle: {},
    State.running: {Log: State.running, OutputFull: State.full, HostCall: State.running, Done: State.ended},
    State.full: {HostCall: State.full, Done: State.ended},
    State.ended: {},
}


class ViolationError(ProtocolError):
    """A worker broke the protocol. `before` holds the legal messages that came in the same bytes."""

    def __init__(self, message: str, before: Sequence[ToDaemon]) -> None:
        super().__init__(message)
        self.before = tuple(before)


class Conversation:
    """The daemon's end of one worker's channel. What follows the end is ignored: that worker is being killed."""

    def __init__(self) -> None:
        self.state = State.booting
        self._reader = FrameReader(READY_CAP)
        self._limits: Limits | None = None
        self._printed = 0
        self._call_bytes = 0
        self._last_call = 0
        self._pending: dict[int, int] = {}

    def begin(self, limits: Limits, call_bytes: int = 0) -> None:
        """The request was sent: from here on the worker may print and answer within `limits`.

        It may make host calls if it was granted any, the arguments of those without an answer being `call_bytes` in all.
        """
        if self.state is not State.idle:
            raise ProtocolError(f"a request in state {self.state.name}")
        self.state, self._limits, self._call_bytes = State.running, limits, call_bytes
        self._reader.cap = max(_ESCAPED * limits.output_bytes, 2 * limits.result_bytes, call_bytes) + _ROOM

    def answered(self, call: int) -> None:
        """The host call of that id has its answer, and its place is another's."""
        del self._pending[call]

    def feed(self, data: bytes) -> list[ToDaemon]:
        """The messages that `data` completes, each legal at its place. Raises ViolationError, which is an end too."""
        if self.state is State.ended:
            return []
        messages: list[ToDaemon] = []
        try:
            for body in self._reader.feed(data):
                messages.append(self._take(decode(body)))
                if isinstance(messages[-1], Done):
                    break
        except ProtocolError as problem:
            self.state = State.ended
            raise ViolationError(problem.message, messages) from None
        return messages

    def _take(self, message: ToDaemon) -> ToDaemon:
        after = _LEGAL[self.state].get(type(message))
        if after is None:
            raise ProtocolError(f"{type(message).__name__} in state {self.state.name}")
        self._measure(message)
        self.state = after
        return message

    def _measure(self, message: ToDaemon) -> None:
        limits = self._limits
        if limits is None:
            return
        if isinstance(message, Log):
            text = message.text
            self._printed += (len(text) if text.isascii() else len(text.encode())) + 1
            if self._printed > limits.output_bytes + 1:
                raise ProtocolError(f"more output than {limits.output_bytes} bytes")
        elif isinstance(message, HostCall):
            self._count(message, limits)
        elif isinstance(message, Done):
            for value in (message.value, message.returned):
                if value is None:
                    continue
                json = bytes(value)
                if len(json) > limits.result_bytes:
                    raise ProtocolError(f"a result of more than {limits.result_bytes} bytes")
                if deeper_than(json, limits.depth):
                    raise ProtocolError(f"a result nested deeper than {limits.depth} levels")

    def _count(self, call: HostCall, limits: Limits) -> None:
        args = bytes(call.args)
        if not self._call_bytes:
            raise ProtocolError("a host call where none is granted")
        if call.id <= self._last_call:
            raise ProtocolError(f"host call {call.id} after {self._last_call}")
        if len(self._pending) == HOST_CALLS_PENDING:
            raise ProtocolError(f"more than {HOST_CALLS_PENDING} host calls without an answer")
        if sum(self._pending.values()) + len(args) > self._call_bytes + CALL_ROOM:
            raise ProtocolError(f"host calls of more than {self._call_bytes} bytes without an answer")
        if deeper_than(args, limits.depth):
            raise ProtocolError(f"a host call nested deeper than {limits.depth} levels")
        self._last_call, self._pending[call.id] = call.id, len(args)
