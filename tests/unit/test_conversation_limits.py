"""How much a worker may say: frames, output and results, each to the byte."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from sandboxd.models import LogLine
from sandboxd.protocol.conversation import Conversation, State
from sandboxd.protocol.frames import HEADER, encode_frame
from sandboxd.protocol.messages import CALL_ROOM, HostCall, OutputFull
from tests.support.conversation import CALL_BYTES, FULL, LIMITS, LOG, call, cuts, frame, fuzz, in_state, pieces, talk
from tests.support.messages import depth


def begun() -> Conversation:
    conversation = in_state(State.idle)
    conversation.begin(LIMITS, CALL_BYTES)
    return conversation


# ------------------------------------------------------------------ frames


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
    assert talk(conversation, [body]) == ([LogLine("debug", text)], None)


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


# ------------------------------------------------------------------ output

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
    assert messages == [LogLine("log", line) for line in printed[: fitting[-1]]]
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


def test_output_full_gives_no_room_back() -> None:
    """A worker that has said its output is full may not print on, however little it printed."""
    assert talk(begun(), [FULL, LOG]) == ([OutputFull()], "LogLine in state full")


# ------------------------------------------------------------------ results


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


towers = st.tuples(st.integers(0, 300) | st.integers(250, 262), st.sampled_from(["list", "dict", "beside", "mixed"]))


@settings(max_examples=300, deadline=2000)
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


# ------------------------------------------------------------------ host calls


def test_who_was_granted_nothing_cannot_call() -> None:
    """Without a grant the first host call is a violation."""
    conversation = in_state(State.idle)
    conversation.begin(LIMITS)
    assert talk(conversation, [call(1)]) == ([], "a host call where none is granted")


@pytest.mark.parametrize(("numbers", "words"), [([1, 1], "host call 1 after 1"), ([5, 4], "host call 4 after 5")])
def test_host_calls_are_numbered_upwards(numbers: list[int], words: str) -> None:
    """A number that came before, or is lower than one that did, is a violation."""
    messages, violation = talk(begun(), [call(number) for number in numbers])
    assert (len(messages), violation) == (1, words)


def test_an_answered_number_is_not_free_again() -> None:
    """Not even after its answer can a host call come twice."""
    conversation = begun()
    conversation.feed(call(1))
    conversation.answered(1)
    assert talk(conversation, [call(1)])[1] == "host call 1 after 1"


def test_the_border_of_calls_without_an_answer_is_exact() -> None:
    """256 may wait for their answers; one answer makes room for one more."""
    conversation = begun()
    assert talk(conversation, [call(number) for number in range(1, 257)])[1] is None
    conversation.answered(200)
    assert talk(conversation, [call(257)])[1] is None
    assert talk(conversation, [call(258)])[1] == "more than 256 host calls without an answer"


@pytest.mark.parametrize("calls", [1, 4])
def test_the_border_of_their_bytes_is_exact(calls: int) -> None:
    """The arguments without an answer are together no longer than one call may be, and a little room for aborts."""
    most = (CALL_BYTES + CALL_ROOM) // calls
    conversation = in_state(State.idle)
    conversation.begin(replace(LIMITS, output_bytes=1 << 20), CALL_BYTES)
    stream = [call(number, "a" * (most - 2)) for number in range(1, calls + 1)]
    assert talk(conversation, stream)[1] is None
    assert talk(conversation, [call(calls + 1)])[1] == f"host calls of more than {CALL_BYTES} bytes without an answer"


def test_answered_bytes_are_free_again() -> None:
    """A hundred calls of the most bytes pass, one after the other was answered."""
    conversation = in_state(State.idle)
    conversation.begin(replace(LIMITS, output_bytes=0), 1 << 20)
    for number in range(1, 101):
        messages, violation = talk(conversation, [call(number, "a" * (1 << 20))])
        assert (len(messages), violation) == (1, None)
        conversation.answered(number)


@pytest.mark.parametrize(("levels", "legal"), [(256, True), (257, False)])
def test_the_border_of_their_depth_is_exact(levels: int, legal: bool) -> None:
    """Arguments are as deep as a result may be, and no deeper."""
    body = b'{"type":"host_call","id":1,"capability":"a","method":"b","args":%s}' % (b"[" * levels + b"]" * levels)
    violation = talk(begun(), [encode_frame(body)])[1]
    assert violation == (None if legal else "a host call nested deeper than 256 levels")


def test_host_calls_go_on_when_the_output_is_full() -> None:
    """Code that has printed too much goes on, and may ask."""
    messages, violation = talk(begun(), [FULL, call(1)])
    assert ([type(message) for message in messages], violation) == ([OutputFull, HostCall], None)
