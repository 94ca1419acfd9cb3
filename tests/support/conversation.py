"""A conversation in any of its states, and bytes for it in any pieces."""

import json
from itertools import pairwise
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from sandboxd.models import Limits
from sandboxd.protocol.conversation import Conversation, State, ViolationError
from sandboxd.protocol.frames import encode_frame
from sandboxd.protocol.messages import ToDaemon

fuzz = settings(max_examples=600, deadline=2000)
cuts = st.lists(st.integers(0, 5000), max_size=40)

LIMITS = Limits(wall_ms=1000, memory_bytes=1 << 27, output_bytes=1000, result_bytes=1000, source_bytes=1000, depth=256)


def frame(**fields: Any) -> bytes:
    return encode_frame(json.dumps(fields, ensure_ascii=False).encode())


READY = frame(type="ready", node="24.1.0", typescript=True)
LOG = frame(type="log", level="log", text="x")
FULL = frame(type="output_full")
DONE = frame(type="done", value=1)
CALL_BYTES = 1000


def call(number: int, args: Any = None) -> bytes:
    return frame(type="host_call", id=number, capability="fetch", method="request", args=args)


# how a conversation gets into each of its states
PATHS: dict[State, bytes] = {
    State.booting: b"",
    State.idle: READY,
    State.running: READY + b"begin" + LOG,
    State.full: READY + b"begin" + FULL,
    State.ended: READY + b"begin" + DONE,
}


def in_state(state: State, limits: Limits = LIMITS) -> Conversation:
    conversation = Conversation()
    before, begun, after = PATHS[state].partition(b"begin")
    conversation.feed(before)
    if begun:
        conversation.begin(limits, CALL_BYTES)
        conversation.feed(after)
    assert conversation.state is state
    return conversation


def talk(conversation: Conversation, chunks: list[bytes]) -> tuple[list[ToDaemon], str | None]:
    """All messages that came out, those with a violation included, and the violation's text."""
    messages: list[ToDaemon] = []
    violation = None
    for chunk in chunks:
        try:
            messages += conversation.feed(chunk)
        except ViolationError as problem:
            assert violation is None
            messages += problem.before
            violation = problem.message
    return messages, violation


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """The same bytes, cut at these places (taken modulo the length)."""
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[begin:end] for begin, end in pairwise(places)]
