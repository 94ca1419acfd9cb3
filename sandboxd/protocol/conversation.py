"""What a worker may say, and when. Pure: bytes in, messages out, and ProtocolError for everything else."""

from collections.abc import Sequence
from enum import Enum, auto
from typing import Final

from sandboxd.errors import ProtocolError
from sandboxd.models import Limits, LogLine
from sandboxd.protocol.frames import FrameReader
from sandboxd.protocol.messages import (
    CALL_ROOM,
    HOST_CALLS_PENDING,
    Done,
    HostCall,
    OutputFull,
    Ready,
    ToDaemon,
    decode,
)
from sandboxd.protocol.shape import deeper_than

READY_CAP: Final = 4096
_ESCAPED: Final = 6  # bytes that JSON may take for one byte of text
_ROOM: Final = 128 << 10  # a failure's texts and the message around them
_NOTHING: Final = Limits(0, 0, 0, 0, 0, 0)  # what may be said before the request


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
    State.running: {LogLine: State.running, OutputFull: State.full, HostCall: State.running, Done: State.ended},
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
        self.state, self._legal = State.booting, _LEGAL[State.booting]
        self._reader = FrameReader(READY_CAP)
        self._limits = _NOTHING
        self._room = 0
        self._call_bytes = 0
        self._last_call = 0
        self._pending: dict[int, int] = {}

    def begin(self, limits: Limits, call_bytes: int = 0) -> None:
        """The request was sent: from here on the worker may print and answer within `limits`.

        It may make host calls if it was granted any, the arguments of those without an answer being `call_bytes` in all.
        """
        if self.state is not State.idle:
            raise ProtocolError(f"a request in state {self.state.name}")
        self._limits, self._call_bytes = limits, call_bytes
        self._room = limits.output_bytes + 1
        self._go_on(State.running)
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
                message = decode(body)
                after = self._legal.get(type(message))
                if after is None:
                    raise ProtocolError(f"{type(message).__name__} in state {self.state.name}")
                if type(message) is LogLine:
                    self._print(message.text)
                else:
                    self._measure(message)
                messages.append(message)
                if after is not self.state:
                    self._go_on(after)
                    if after is State.ended:
                        break
        except ProtocolError as problem:
            self._go_on(State.ended)
            raise ViolationError(problem.message, messages) from None
        return messages

    def _go_on(self, state: State) -> None:
        self.state, self._legal = state, _LEGAL[state]

    def _print(self, text: str) -> None:
        self._room -= (len(text) if text.isascii() else len(text.encode())) + 1
        if self._room < 0:
            raise ProtocolError(f"more output than {self._limits.output_bytes} bytes")

    def _measure(self, message: ToDaemon) -> None:
        limits = self._limits
        if isinstance(message, HostCall):
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
