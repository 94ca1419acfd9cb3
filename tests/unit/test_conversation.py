"""What a worker may say and when, against a regular expression; and what any bytes bring."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandboxd.errors import ProtocolError
from sandboxd.models import LogLine
from sandboxd.protocol.conversation import READY_CAP, Conversation, State
from sandboxd.protocol.frames import HEADER, encode_frame
from sandboxd.protocol.messages import Done, HostCall, OutputFull, Ready, ToDaemon
from tests.support.conversation import (
    CALL_BYTES,
    DONE,
    FULL,
    LIMITS,
    LOG,
    READY,
    call,
    cuts,
    frame,
    fuzz,
    in_state,
    pieces,
    talk,
)

# ------------------------------------------------------------------ the legal order

LETTERS = {"R": READY, "L": LOG, "F": FULL, "D": DONE, "C": call(1)}
NAMES = {"R": Ready, "L": LogLine, "F": OutputFull, "D": Done, "C": HostCall}
LEGAL = re.compile(r"(?:R(?:b(?:[LC]*(?:FC*)?(?:D.*)?)?)?)?")
"""Ready, the request (b), lines and calls, perhaps the end of the output, done, and then anything: or a beginning of that."""

words = st.text(st.sampled_from("RLLLCCFD"), max_size=8) | st.from_regex(r"\A(?:R|[LC]{0,6}F?C?D[RLFCD]{0,3})\Z")


def spoken(word: str) -> bytes:
    """The bytes of these messages; host calls are numbered."""
    return b"".join(call(at + 1) if letter == "C" else LETTERS[letter] for at, letter in enumerate(word))


@fuzz
@given(st.just("R") | words, words, cuts, cuts)
def test_the_order_is_legal_exactly_when_the_grammar_says_so(before: str, after: str, at: list[int], at2: list[int]) -> None:
    """For any messages before and after the request, in any pieces, the grammar says what comes out and where it ends."""
    conversation = Conversation()
    messages, violation = talk(conversation, pieces(spoken(before), at))
    refused = violation is not None
    if not refused:
        try:
            conversation.begin(LIMITS, CALL_BYTES)
        except ProtocolError:
            refused = True
        else:
            more, violation = talk(conversation, pieces(spoken(after), at2))
            messages, refused = messages + more, violation is not None
    word = f"{before}b{after}"
    legal = LEGAL.match(word)
    assert legal is not None
    assert refused == (legal.end() < len(word))
    heard = re.sub("D.*", "D", legal.group()).replace("b", "")
    assert [type(message) for message in messages] == [NAMES[letter] for letter in heard]


@pytest.mark.parametrize("letter", LETTERS)
@pytest.mark.parametrize("state", State, ids=lambda state: state.name)
def test_each_message_in_each_state(state: State, letter: str) -> None:
    """Of the twenty-five pairs of state and message seven are legal, and at the end all are ignored."""
    legal = {
        (State.booting, "R"): State.idle,
        (State.running, "L"): State.running,
        (State.running, "F"): State.full,
        (State.running, "C"): State.running,
        (State.running, "D"): State.ended,
        (State.full, "C"): State.full,
        (State.full, "D"): State.ended,
    }
    conversation = in_state(state)
    messages, violation = talk(conversation, [LETTERS[letter]])
    assert conversation.state is legal.get((state, letter), State.ended)
    assert (len(messages), violation is None) == (
        (0, True) if state is State.ended else (1, True) if (state, letter) in legal else (0, False)
    )


@pytest.mark.parametrize("state", [state for state in State if state is not State.idle], ids=lambda state: state.name)
def test_a_request_is_sent_once_and_to_an_idle_worker(state: State) -> None:
    """A request in any other state is refused, and the refusal names the state."""
    with pytest.raises(ProtocolError, match=f"a request in state {state.name}"):
        in_state(state).begin(LIMITS)


# ------------------------------------------------------------------ any bytes


def told(messages: list[ToDaemon]) -> list[Any]:
    """Messages as something that can be compared: msgspec.Raw cannot."""
    return [
        ("call", message.id, message.capability, message.method, bytes(message.args))
        if isinstance(message, HostCall)
        else ("done", *(raw and bytes(raw) for raw in (message.value, message.returned)), message.failure)
        if isinstance(message, Done)
        else message
        for message in messages
    ]


bad_frames = st.one_of(
    st.binary(max_size=60).map(encode_frame),
    st.just(encode_frame(b"")),
    st.integers(READY_CAP, 2**32 - 1).map(HEADER.pack),
    st.binary(max_size=60),
    st.integers(0, 20_000).map(lambda levels: encode_frame(b'{"type":"done","value":' + b"[" * levels + b"]" * levels + b"}")),
    st.integers(0, 1100).map(lambda size: frame(type="log", level="log", text="é" * size)),
    st.integers(0, 1100).map(lambda size: frame(type="done", value="é" * size)),
    st.integers(-1, 3).map(lambda number: call(number, "x" * 100)),
    st.integers(900, 1100).map(lambda size: call(4, "x" * size)),
    st.integers(200, 300).map(lambda levels: encode_frame(call(5)[4:].replace(b"null", b"[" * levels + b"]" * levels))),
    st.sampled_from([b"NaN", b"[1,]", b'"\\ud800"', b"\xff", b"9" * 5000]).map(
        lambda value: encode_frame(b'{"type":"done","value":%s}' % value)
    ),
)
states = st.sampled_from(list(State))
good_frames = st.sampled_from([READY, LOG, LOG, LOG, FULL, DONE, call(1), call(2), call(3)])
streams = st.lists(good_frames | bad_frames, max_size=10).map(b"".join)


@fuzz
@given(states, streams, cuts)
def test_hostile_bytes_bring_messages_or_a_violation(state: State, stream: bytes, at: list[int]) -> None:
    """In every state any bytes in any pieces bring the same messages and the same violation as all of them at once."""
    whole = talk(in_state(state), [stream])
    cut = talk(in_state(state), pieces(stream, at))
    assert (told(cut[0]), cut[1]) == (told(whole[0]), whole[1])


@fuzz
@given(states, st.lists(st.binary(max_size=300), max_size=10))
def test_noise_brings_no_other_error(state: State, chunks: list[bytes]) -> None:
    """Bytes without any structure are refused or waited for, in every state."""
    talk(in_state(state), chunks)


@fuzz
@given(states, streams, cuts)
def test_little_is_kept(state: State, stream: bytes, at: list[int]) -> None:
    """After each piece no more is kept than one frame of the cap, or that piece where the conversation ended."""
    conversation = in_state(state)
    for chunk in pieces(stream, at):
        talk(conversation, [chunk])
        most = HEADER.size + conversation._reader.cap
        ended = conversation.state is State.ended
        assert len(conversation._reader._buffer) <= most + (len(chunk) if ended else 0)
        if ended:
            break


def test_after_the_end_nothing_is_kept() -> None:
    """A worker that talks on after its end fills no memory."""
    conversation = in_state(State.ended)
    for _ in range(100):
        assert conversation.feed(bytes(1000)) == []
    assert len(conversation._reader._buffer) == 0


def test_after_a_violation_nothing_is_kept() -> None:
    """A worker that talks on after a violation fills no memory, and is told of only once."""
    conversation = in_state(State.running)
    assert talk(conversation, [b"\xff" * 10])[1] is not None
    assert talk(conversation, [bytes(1000)] * 100) == ([], None)
    assert len(conversation._reader._buffer) == 10


def test_what_comes_with_the_end_is_ignored() -> None:
    """Bytes behind `done` do not take the result away, though they came together and are no frame."""
    messages, violation = talk(in_state(State.running), [DONE + b"\xff" * 100])
    assert ([type(message) for message in messages], violation) == ([Done], None)


def test_what_came_before_a_violation_is_kept() -> None:
    """Lines that were printed before a violation come with it, though they came together."""
    messages, violation = talk(in_state(State.running), [LOG + LOG + READY + LOG])
    assert (messages, violation) == ([LogLine("log", "x")] * 2, "Ready in state running")
