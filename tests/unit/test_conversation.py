"""What a worker may say and when, against a regular expression and against a parser."""

import json
import re
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from sandboxd.errors import ProtocolError
from sandboxd.models import Limits
from sandboxd.protocol.conversation import READY_CAP, Conversation, State, ViolationError
from sandboxd.protocol.frames import HEADER, encode_frame
from sandboxd.protocol.messages import Done, Log, OutputFull, Ready, ToDaemon

fuzz = settings(max_examples=1500, deadline=2000)

LIMITS = Limits(wall_ms=1000, memory_bytes=1 << 27, output_bytes=1000, result_bytes=1000, source_bytes=1000, depth=256)


def frame(**fields: Any) -> bytes:
    return encode_frame(json.dumps(fields, ensure_ascii=False).encode())


READY = frame(type="ready", node="24.1.0", typescript=True)
LOG = frame(type="log", level="log", text="x")
FULL = frame(type="output_full")
DONE = frame(type="done", value=1)

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
        conversation.begin(limits)
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


def told(messages: list[ToDaemon]) -> list[Any]:
    """Messages as something that can be compared: msgspec.Raw cannot."""
    return [
        ("done", *(raw and bytes(raw) for raw in (message.value, message.returned)), message.failure)
        if isinstance(message, Done)
        else message
        for message in messages
    ]


cuts = st.lists(st.integers(0, 5000), max_size=40)
states = st.sampled_from(list(State))

# ------------------------------------------------------------------ the legal order

LETTERS = {"R": READY, "L": LOG, "F": FULL, "D": DONE}
NAMES = {"R": Ready, "L": Log, "F": OutputFull, "D": Done}
LEGAL = re.compile(r"(?:R(?:b(?:L*F?(?:D.*)?)?)?)?")
"""Ready, the request (b), lines, perhaps the end of the output, done, and then anything: or a beginning of that."""

words = st.text(st.sampled_from("RLLLFD"), max_size=8) | st.from_regex(r"\A(?:R|L{0,6}F?D[RLFD]{0,3})\Z")


@fuzz
@given(st.just("R") | words, words, cuts, cuts)
def test_the_order_is_legal_exactly_when_the_grammar_says_so(before: str, after: str, at: list[int], at2: list[int]) -> None:
    """For any messages before and after the request, in any pieces, the grammar says what comes out and where it ends."""
    conversation = Conversation()
    messages, violation = talk(conversation, pieces(b"".join(LETTERS[letter] for letter in before), at))
    refused = violation is not None
    if not refused:
        try:
            conversation.begin(LIMITS)
        except ProtocolError:
            refused = True
        else:
            more, violation = talk(conversation, pieces(b"".join(LETTERS[letter] for letter in after), at2))
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
    """Of the twenty pairs of state and message five are legal, and at the end all are ignored."""
    legal = {
        (State.booting, "R"): State.idle,
        (State.running, "L"): State.running,
        (State.running, "F"): State.full,
        (State.running, "D"): State.ended,
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

bad_frames = st.one_of(
    st.binary(max_size=60).map(encode_frame),
    st.just(encode_frame(b"")),
    st.integers(READY_CAP, 2**32 - 1).map(HEADER.pack),
    st.binary(max_size=60),
    st.integers(0, 20_000).map(lambda levels: encode_frame(b'{"type":"done","value":' + b"[" * levels + b"]" * levels + b"}")),
    st.integers(0, 1100).map(lambda size: frame(type="log", level="log", text="é" * size)),
    st.integers(0, 1100).map(lambda size: frame(type="done", value="é" * size)),
    st.sampled_from([b"NaN", b"[1,]", b'"\\ud800"', b"\xff", b"9" * 5000]).map(
        lambda value: encode_frame(b'{"type":"done","value":%s}' % value)
    ),
)
good_frames = st.sampled_from([READY, LOG, LOG, LOG, FULL, DONE])
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
    assert (messages, violation) == ([Log("log", "x")] * 2, "Ready in state running")


# ------------------------------------------------------------------ limits: frames


@pytest.mark.parametrize(("size", "legal"), [(4096, True), (4097, False)])
def test_before_the_request_frames_are_short(size: int, legal: bool) -> None:
    """A booting worker has 4 KB for its one message: a longer header is refused at once."""
    assert (talk(Conversation(), [HEADER.pack(size)])[1] is None) is legal


@pytest.mark.parametrize("limit", [0, 1, 1000, 1 << 20])
@pytest.mark.parametrize("character", ["a", "\x01", "é", "😀"])
def test_the_longest_legal_log_fits_a_frame(character: str, limit: int) -> None:
    """A line as long as the whole output passes, its characters being escaped as JSON escapes them."""
    text = character * (limit // len(character.encode()))
    body = encode_frame(json.dumps({"type": "log", "level": "debug", "text": text}).encode())
    conversation = in_state(State.idle)
    conversation.begin(replace(LIMITS, output_bytes=limit))
    assert talk(conversation, [body]) == ([Log("debug", text)], None)


@pytest.mark.parametrize("limit", [2, 1000, 1 << 20])
def test_the_longest_legal_values_fit_a_frame(limit: int) -> None:
    """A value and a returned value that are both as long as they may be pass in one frame."""
    text = "a" * (limit - 2)
    conversation = in_state(State.idle)
    conversation.begin(replace(LIMITS, result_bytes=limit, output_bytes=0))
    messages, violation = talk(conversation, [frame(type="done", value=text, returned=text)])
    assert (len(messages), violation) == (1, None)


@pytest.mark.parametrize("character", ["a", "\x01", "é", "😀"])
def test_the_longest_failure_of_the_harness_fits_a_frame(character: str) -> None:
    """However small the limits, a failure with texts as long as the harness makes them passes."""
    texts = {"name": character * 201, "message": character * 4097, "stack": character * 4097}
    body = {"type": "done", "failure": {"kind": "error", **texts}}
    conversation = in_state(State.idle)
    conversation.begin(replace(LIMITS, result_bytes=0, output_bytes=0))
    messages, violation = talk(conversation, [encode_frame(json.dumps(body).encode())])
    assert (len(messages), violation) == (1, None)


# ------------------------------------------------------------------ limits: output

lines = st.lists(st.text(st.sampled_from("a\n\x00é€😀"), max_size=12), min_size=1, max_size=30)


@fuzz
@given(lines, cuts, st.integers(-40, 40))
def test_output_is_counted_as_it_is_joined(printed: list[str], at: list[int], spare: int) -> None:
    """The lines that come out are those whose text, joined by newlines, has no more UTF-8 than the limit allows."""
    allowed = max(0, len("\n".join(printed).encode()) + spare)
    conversation = in_state(State.idle)
    conversation.begin(replace(LIMITS, output_bytes=allowed))
    stream = b"".join(frame(type="log", level="log", text=line) for line in printed)
    messages, violation = talk(conversation, pieces(stream, at))
    fitting = [end for end in range(len(printed) + 1) if len("\n".join(printed[:end]).encode()) <= allowed]
    assert messages == [Log("log", line) for line in printed[: fitting[-1]]]
    assert violation == (None if fitting[-1] == len(printed) else f"more output than {allowed} bytes")


@pytest.mark.parametrize(
    ("printed", "legal"),
    [
        (["a" * 1000], True),
        (["a" * 1001], False),
        (["é" * 500], True),
        (["é" * 500 + "a"], False),
        (["a" * 499, "b" * 500], True),
        (["a" * 500, "b" * 500], False),
        (["a" * 999, ""], True),
        (["a" * 1000, ""], False),
        ([""] * 1001, True),
        ([""] * 1002, False),
    ],
    ids=[
        "full",
        "one more",
        "full of é",
        "é and one more",
        "with newline",
        "newline more",
        "",
        "empty line more",
        "empty",
        "empties",
    ],
)
def test_the_border_of_the_output_is_exact(printed: list[str], legal: bool) -> None:
    """1000 bytes of UTF-8 with the newlines that join them pass, 1001 do not."""
    stream = b"".join(frame(type="log", level="log", text=line) for line in printed)
    assert (talk(begun(), [stream])[1] is None) is legal


def begun() -> Conversation:
    conversation = in_state(State.idle)
    conversation.begin(LIMITS)
    return conversation


def test_output_full_gives_no_room_back() -> None:
    """A worker that has said its output is full may not print on, however little it printed."""
    assert talk(begun(), [FULL, LOG]) == ([OutputFull()], "Log in state full")


# ------------------------------------------------------------------ limits: results


@pytest.mark.parametrize("field", ["value", "returned"])
@pytest.mark.parametrize(("size", "legal"), [(1000, True), (1001, False)])
@pytest.mark.parametrize("character", ["a", "é", " "], ids=["one byte", "two bytes", "white space"])
def test_the_border_of_a_result_is_exact(character: str, size: int, legal: bool, field: str) -> None:
    """1000 bytes of JSON as it was written pass, 1001 do not, in either field."""
    room = size - 2
    filler = character * (room // len(character.encode())) + "x" * (room % len(character.encode()))
    text = f"[{filler}]" if character == " " else f'"{filler}"'
    assert len(text.encode()) == size
    messages, violation = talk(begun(), [encode_frame(f'{{"type":"done","{field}":{text}}}'.encode())])
    assert (len(messages), violation) == ((1, None) if legal else (0, "a result of more than 1000 bytes"))


def test_value_and_returned_have_a_limit_each() -> None:
    """Together they may be twice as long as one of them."""
    assert talk(begun(), [frame(type="done", value="a" * 998, returned="b" * 998)])[1] is None


def depth(value: object) -> int:
    """The depth by definition: a leaf has none, a container one more than its deepest member."""
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


towers = st.tuples(st.integers(0, 300) | st.integers(250, 262), st.sampled_from(["list", "dict", "beside", "mixed"]))


@settings(max_examples=600, deadline=2000)
@given(towers, st.sampled_from(["value", "returned"]), st.sampled_from([0, 1, 255, 256, 257]) | st.integers(0, 300))
def test_a_result_is_as_deep_as_a_parser_finds(tower: tuple[int, str], field: str, levels: int) -> None:
    """A result passes exactly when its depth, found by walking it, is within the limit."""
    value: object = "[[[{{{\\"
    for level in range(tower[0]):
        kind = ("list", "dict")[level % 2] if tower[1] == "mixed" else tower[1]
        value = {"list": [value], "dict": {"[": value}, "beside": ["]", [], value]}[kind]
    conversation = in_state(State.idle)
    conversation.begin(replace(LIMITS, depth=levels, result_bytes=1 << 20))
    _, violation = talk(conversation, [frame(type="done", **{field: value})])
    assert violation == (None if depth(value) <= levels else f"a result nested deeper than {levels} levels")


@pytest.mark.parametrize(("levels", "legal"), [(255, True), (256, True), (257, False)])
@pytest.mark.parametrize("field", ["value", "returned"])
def test_the_border_of_depth_is_exact(field: str, levels: int, legal: bool) -> None:
    """256 levels pass, 257 do not, in either field."""
    body = encode_frame(b'{"type":"done","%s":%s}' % (field.encode(), b"[" * levels + b"]" * levels))
    assert (talk(begun(), [body])[1] is None) is legal


@pytest.mark.parametrize(("length", "legal"), [(16_384, True), (16_385, False)])
@pytest.mark.parametrize("field", ["name", "message", "stack"])
def test_the_border_of_a_failure_text_is_exact(field: str, length: int, legal: bool) -> None:
    """16,384 characters pass, one more does not."""
    failure = {"kind": "error", "name": "N", "message": "m", field: "é" * length}
    assert (talk(begun(), [frame(type="done", failure=failure)])[1] is None) is legal
