"""What a worker may say, and when. Pure: bytes in, messages out, and ProtocolError for everything else."""

from collections.abc import Sequence
from enum import Enum, auto
from typing import Final

from sandboxd.errors import ProtocolError
from sandboxd.models import Limits
from sandboxd.protocol.frames import FrameReader
from sandboxd.protocol.messages import Done, Log, OutputFull, Ready, ToDaemon, decode
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
    State.running: {Log: State.running, OutputFull: State.full, Done: State.ended},
    State.full: {Done: State.ended},
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

    def begin(self, limits: Limits) -> None:
        """The request was sent: from here on the worker may print and answer within `limits`."""
        if self.state is not State.idle:
            raise ProtocolError(f"a request in state {self.state.name}")
        self.state, self._limits = State.running, limits
        self._reader.cap = max(_ESCAPED * limits.output_bytes, 2 * limits.result_bytes) + _ROOM

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
            self._printed += len(message.text.encode()) + 1
            if self._printed > limits.output_bytes + 1:
                raise ProtocolError(f"more output than {limits.output_bytes} bytes")
        elif isinstance(message, Done):
            for value in (message.value, message.returned):
                if value is None:
                    continue
                json = bytes(value)
                if len(json) > limits.result_bytes:
                    raise ProtocolError(f"a result of more than {limits.result_bytes} bytes")
                if deeper_than(json, limits.depth):
                    raise ProtocolError(f"a result nested deeper than {limits.depth} levels")
