"""The messages of the channel: what is one, and that everything else is a ProtocolError."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from sandboxd.errors import ProtocolError
from sandboxd.protocol.messages import (
    Check,
    Done,
    Log,
    OutputFull,
    Ready,
    Run,
    RunLimits,
    ToDaemon,
    WorkerFailure,
    decode,
    encode,
)

fuzz = settings(max_examples=1500, deadline=2000)

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


def refused(body: bytes) -> bool:
    """Whether it is refused in the one way that there is, and with few words."""
    try:
        decode(body)
    except ProtocolError as problem:
        return len(problem.message) < 300
    return False


def raws(message: ToDaemon) -> list[bytes]:
    """The JSON texts that a message carries undecoded."""
    if not isinstance(message, Done):
        return []
    return [bytes(raw) for raw in (message.value, message.returned) if raw is not None]


def as_json(message: ToDaemon) -> dict[str, Any]:
    """The object a message was made of, absent fields being None."""
    plain: dict[str, Any] = {"type": {Ready: "ready", Log: "log", OutputFull: "output_full", Done: "done"}[type(message)]}
    for name in message.__struct_fields__:
        plain[name] = getattr(message, name)
    for name in ("value", "returned"):
        if isinstance(plain.get(name), Raw):
            plain[name] = json.loads(bytes(plain[name]))
    if isinstance(failure := plain.get("failure"), WorkerFailure):
        plain["failure"] = {name: getattr(failure, name) for name in failure.__struct_fields__}
    return plain


# ------------------------------------------------------------------ what is a message


@pytest.mark.parametrize("level", LEVELS)
def test_a_log_has_a_level_and_a_text(level: str) -> None:
    """Each console level is read as itself."""
    assert decode(b'{"type":"log","level":"%s","text":"a\\nb"}' % level.encode()) == Log(level, "a\nb")  # type: ignore[arg-type]


def test_ready_says_what_the_worker_is() -> None:
    """The Node version and whether it strips types."""
    assert decode(b'{"type":"ready","node":"24.1.0","typescript":true}') == Ready("24.1.0", True)


def test_output_full_has_no_fields() -> None:
    """The type alone is the message."""
    assert decode(b'{"type":"output_full"}') == OutputFull()


@pytest.mark.parametrize("kind", KINDS)
def test_done_carries_a_failure(kind: str) -> None:
    """Each kind of failure is read, with its place and its stack."""
    body = {"kind": kind, "name": "N", "message": "m", "line": 3, "column": 4, "stack": "s"}
    message = decode(json.dumps({"type": "done", "failure": body}).encode())
    assert message == Done(failure=WorkerFailure(kind, "N", "m", 3, 4, "s"))  # type: ignore[arg-type]


def test_done_carries_its_values_as_they_were_written() -> None:
    """Value and returned value are the worker's bytes, white space and order included."""
    message = decode(b'{"type":"done","value":{"b": 1,\n "a":[ ]},"returned":1.50}')
    assert raws(message) == [b'{"b": 1,\n "a":[ ]}', b"1.50"]


def test_done_may_be_empty() -> None:
    """What was not said is None."""
    assert decode(b'{"type":"done"}') == Done()


def test_null_is_a_value() -> None:
    """A result of null is not the same as no result."""
    assert raws(decode(b'{"type":"done","value":null}')) == [b"null"]


def test_the_type_may_come_last() -> None:
    """The order of fields does not matter."""
    assert raws(decode(b'{"value":[1],"type":"done"}')) == [b"[1]"]


def test_a_field_given_twice_is_its_last() -> None:
    """Of two values the last one counts, as for JSON.parse."""
    assert raws(decode(b'{"type":"done","value":1,"value":2}')) == [b"2"]


# ------------------------------------------------------------------ what is none

NOT_MESSAGES = {
    "nothing": b"",
    "white space": b" \n",
    "NUL": b"\x00",
    "null": b"null",
    "a number": b"1",
    "a string": b'"done"',
    "an array": b'["done"]',
    "an empty object": b"{}",
    "no type": b'{"value":1}',
    "a type that is a number": b'{"type":1}',
    "a type that is null": b'{"type":null}',
    "a type that is an array": b'{"type":["done"]}',
    "an unknown type": b'{"type":"host_call"}',
    "a type of the other direction": b'{"type":"run"}',
    "a type in capitals": b'{"type":"Done"}',
    "two types": b'{"type":"log","type":"done"}',
    "an unknown field": b'{"type":"done","x":1}',
    "an unknown field with a long name": b'{"type":"done","%s":1}' % (b"x" * 10_000),
    "an unknown field of output_full": b'{"type":"output_full","text":"a"}',
    "an unknown field in a failure": b'{"type":"done","failure":{"kind":"error","name":"","message":"","x":1}}',
    "a log without text": b'{"type":"log","level":"log"}',
    "a log without level": b'{"type":"log","text":""}',
    "a log with an unknown level": b'{"type":"log","level":"trace","text":""}',
    "a log with a number for text": b'{"type":"log","level":"log","text":1}',
    "a log with null for text": b'{"type":"log","level":"log","text":null}',
    "ready without node": b'{"type":"ready","typescript":true}',
    "ready with a number for a boolean": b'{"type":"ready","node":"24","typescript":1}',
    "a failure of unknown kind": b'{"type":"done","failure":{"kind":"timeout","name":"","message":""}}',
    "a failure without message": b'{"type":"done","failure":{"kind":"error","name":""}}',
    "a failure that is an array": b'{"type":"done","failure":["error","",""]}',
    "trailing characters": b'{"type":"done"}x',
    "two messages": b'{"type":"done"}{"type":"done"}',
    "a byte order mark": b'\xef\xbb\xbf{"type":"done"}',
    "UTF-16": '{"type":"done"}'.encode("utf-16"),
    "single quotes": b"{'type':'done'}",
    "a comment": b'{"type":"done"/**/}',
    "a trailing comma": b'{"type":"done",}',
    "NaN": b'{"type":"done","value":NaN}',
    "Infinity": b'{"type":"done","value":-Infinity}',
    "undefined": b'{"type":"done","value":undefined}',
    "a value cut off": b'{"type":"done","value":',
    "an array that stays open": b'{"type":"done","value":[1}',
    "brackets that do not match": b'{"type":"done","value":[1}]}',
    "a trailing comma in a value": b'{"type":"done","value":[1,]}',
    "a leading zero": b'{"type":"done","value":01}',
    "a number with two dots": b'{"type":"done","value":1.2.3}',
    "a hexadecimal number": b'{"type":"done","value":0x10}',
    "a plus sign": b'{"type":"done","value":+1}',
    "an exponent without digits": b'{"type":"done","value":1e}',
    "a name without quotes": b'{"type":"done","value":{a:1}}',
    "a raw newline in a string": b'{"type":"done","value":"a\nb"}',
    "a raw NUL in a string": b'{"type":"log","level":"log","text":"\x00"}',
    "an unknown escape": b'{"type":"done","value":"\\x41"}',
    "an escape cut off": b'{"type":"done","value":"\\u12"}',
}


@pytest.mark.parametrize("body", NOT_MESSAGES.values(), ids=NOT_MESSAGES.keys())
def test_what_is_not_a_message_is_refused(body: bytes) -> None:
    """Malformed JSON, wrong types, unknown names and missing fields are all refused."""
    assert refused(body)


NOT_TEXT = {
    "a continuation byte alone": b"\x80",
    "a byte that never occurs": b"\xff",
    "a character cut off": b"\xe2\x82",
    "an overlong slash": b"\xc0\xaf",
    "an overlong NUL": b"\xc0\x80",
    "a surrogate": b"\xed\xa0\x80",
    "a surrogate pair in UTF-8": b"\xed\xa0\xbd\xed\xb8\x80",
    "above the last character": b"\xf4\x90\x80\x80",
    "an escaped high surrogate": b"\\ud800",
    "an escaped low surrogate": b"\\udfff",
    "escaped surrogates in the wrong order": b"\\ude00\\ud83d",
    "a high surrogate before a letter": b"\\ud83dx",
}
PLACES = {
    "a log": b'{"type":"log","level":"log","text":"%s"}',
    "a value": b'{"type":"done","value":"%s"}',
    "a name in a value": b'{"type":"done","returned":[{"%s":1}]}',
    "a failure": b'{"type":"done","failure":{"kind":"error","name":"N","message":"%s"}}',
    "the type": b'{"type":"%s"}',
    "a field's name": b'{"type":"done","%s":1}',
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
@pytest.mark.parametrize("text", NOT_TEXT.values(), ids=NOT_TEXT.keys())
def test_what_is_not_unicode_is_refused(place: bytes, text: bytes) -> None:
    """Bad UTF-8 and lone surrogates are refused wherever they stand, in values that are not decoded as well."""
    assert refused(place % text)


def test_a_surrogate_pair_is_a_character() -> None:
    """Two escapes that belong together are one character."""
    assert decode(PLACES["a log"] % b"\\ud83d\\ude00") == Log("log", "😀")


FAILURE = {"kind": "error", "name": "N", "message": "m"}
NO_PLACES: list[Any] = [0, -1, 2**31 + 1, 2**64, 10**400, 1.0, 1.5, True, "1", []]
BORDERS: list[tuple[dict[str, Any], bool]] = [
    *[({"failure": {**FAILURE, name: "é" * 16_384}}, True) for name in ("name", "message", "stack")],
    *[({"failure": {**FAILURE, name: "é" * 16_385}}, False) for name in ("name", "message", "stack")],
    *[({"failure": {**FAILURE, name: 1}}, True) for name in ("line", "column")],
    *[({"failure": {**FAILURE, name: 2**31}}, True) for name in ("line", "column")],
    *[({"failure": {**FAILURE, name: None}}, True) for name in ("line", "column")],
    *[({"failure": {**FAILURE, name: bad}}, False) for name in ("line", "column") for bad in NO_PLACES],
]


@pytest.mark.parametrize(("fields", "legal"), BORDERS)
def test_the_borders_of_a_failure_are_exact(fields: dict[str, Any], legal: bool) -> None:
    """Texts of 16,384 characters and places from 1 to 2^31 pass; one more, or another type, is refused."""
    assert refused(json.dumps({"type": "done", **fields}).encode()) is not legal


@pytest.mark.parametrize(("length", "legal"), [(0, True), (100, True), (101, False)])
def test_the_border_of_a_version_is_exact(length: int, legal: bool) -> None:
    """A Node version has at most 100 characters."""
    assert refused(b'{"type":"ready","node":"%s","typescript":false}' % (b"2" * length)) is not legal


def test_an_integer_of_many_digits_is_refused() -> None:
    """A place of 100,000 digits is refused, not computed."""
    assert refused(b'{"type":"done","failure":{"kind":"error","name":"","message":"","line":%s}}' % (b"9" * 100_000))


def test_a_number_of_many_digits_is_a_value() -> None:
    """In a value no number is computed: any that is well-formed passes as it was written."""
    number = b"9" * 100_000 + b"e" + b"9" * 1000
    assert raws(decode(b'{"type":"done","value":%s}' % number)) == [number]


# ------------------------------------------------------------------ depth


@pytest.mark.parametrize("levels", [1, 10, 255, 256, 257, 400])
@pytest.mark.parametrize(("opened", "closed"), [(b"[", b"]"), (b'{"a":', b"}")], ids=["arrays", "objects"])
def test_legal_depth_is_read(opened: bytes, closed: bytes, levels: int) -> None:
    """The reader itself is good for more levels than a result may have, so that the limit can be named."""
    value = opened * levels + b"0" + closed * levels
    assert raws(decode(b'{"type":"done","value":%s}' % value)) == [value]


@pytest.mark.parametrize("levels", [10_000, 100_000, 1_000_000])
@pytest.mark.parametrize("closes", [True, False], ids=["closed", "open"])
@pytest.mark.parametrize(("opened", "closed"), [(b"[", b"]"), (b'{"a":', b"}")], ids=["arrays", "objects"])
@pytest.mark.parametrize(
    "place",
    [b'{"type":"done","value":%s}', b'{"type":"done","failure":%s}', b'{"value":%s,"type":"done"}', b"%s"],
    ids=["value", "failure", "before the type", "alone"],
)
def test_absurd_depth_is_refused(place: bytes, opened: bytes, closed: bytes, closes: bool, levels: int) -> None:
    """Ten thousand levels and more are refused wherever they stand, and the process lives on."""
    assert refused(place % (opened * levels + b"0" + (closed * levels if closes else b"")))


# ------------------------------------------------------------------ generated

texts = st.text(max_size=8)
leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
)
places = st.integers(1, 2**31)
failures = st.fixed_dictionaries(
    {"kind": st.sampled_from(KINDS), "name": texts, "message": texts},
    optional={"line": st.none() | places, "column": st.none() | places, "stack": texts},
)
legal_messages = st.one_of(
    st.fixed_dictionaries({"type": st.just("ready"), "node": texts, "typescript": st.booleans()}),
    st.fixed_dictionaries({"type": st.just("log"), "level": st.sampled_from(LEVELS), "text": texts}),
    st.just({"type": "output_full"}),
    st.fixed_dictionaries(
        {"type": st.just("done")}, optional={"value": values, "returned": values, "failure": st.none() | failures}
    ),
)

hostile = st.one_of(
    values,
    st.integers(-(10**30), 10**30),
    st.sampled_from([math.nan, math.inf, -math.inf, 0, -1, 2**31 + 1, 2**63, 2**64, "\ud800", "a\udc00b", "log", "done"]),
    st.sampled_from([[], {}, [[[[]]]], {"type": "done"}, {"kind": "error", "name": "", "message": ""}]),
)
names = st.sampled_from(["type", "value", "returned", "failure", "kind", "name", "message", "line", "stack", "level", "x"])
edits = st.lists(st.tuples(st.sampled_from(["put", "drop", "put in failure", "drop in failure"]), names, hostile), max_size=3)


def edited(message: dict[str, Any], changes: list[tuple[str, str, Any]]) -> dict[str, Any]:
    message = dict(message)
    for what, name, value in changes:
        inside = message.get("failure") if what.endswith("failure") else message
        if not isinstance(inside, dict):
            continue
        inside = dict(inside)
        if what.startswith("put"):
            inside[name] = value
        else:
            inside.pop(name, None)
        message = {**message, "failure": inside} if what.endswith("failure") else inside
    return message


def well_formed(value: object) -> bool:
    """Whether a value has a JSON text: no lone surrogates, no NaN."""
    if isinstance(value, dict):
        return all(map(well_formed, value.keys())) and all(map(well_formed, value.values()))
    if isinstance(value, list):
        return all(map(well_formed, value))
    if isinstance(value, float):
        return math.isfinite(value)
    return not isinstance(value, str) or not any("\ud800" <= character <= "\udfff" for character in value)


def is_failure(value: object) -> bool:
    if value is None:
        return True
    if not isinstance(value, dict) or set(value) - {"kind", "name", "message", "line", "column", "stack"}:
        return False
    placed = [value.get("line"), value.get("column")]
    return (
        value.get("kind") in KINDS
        and all(isinstance(text, str) for text in (value.get("name"), value.get("message"), value.get("stack", "")))
        and all(place is None or (type(place) is int and 1 <= place <= 2**31) for place in placed)
    )


def is_message(value: object) -> bool:
    """The rule, written down a second time: what decode must accept, and nothing else."""
    if not isinstance(value, dict) or not well_formed(value):
        return False
    fields = {name: field for name, field in value.items() if name != "type"}
    kind = value.get("type")
    if kind == "ready":
        return (
            set(fields) == {"node", "typescript"} and isinstance(fields["node"], str) and isinstance(fields["typescript"], bool)
        )
    if kind == "log":
        return set(fields) == {"level", "text"} and fields["level"] in LEVELS and isinstance(fields["text"], str)
    if kind == "output_full":
        return not fields
    return kind == "done" and set(fields) <= {"value", "returned", "failure"} and is_failure(fields.get("failure"))


@fuzz
@given(legal_messages, st.booleans())
def test_a_legal_message_is_read_as_it_was_written(message: dict[str, Any], ascii_only: bool) -> None:
    """Every legal message, escaped or not, comes out with the very fields that went in."""
    read = as_json(decode(json.dumps(message, ensure_ascii=ascii_only).encode()))
    assert all(read[name] == value for name, value in message.items() if name != "failure")
    assert all(read["failure"][name] == value for name, value in (message.get("failure") or {}).items())


@fuzz
@given(legal_messages, edits)
def test_an_edited_message_is_read_exactly_when_it_is_legal(message: dict[str, Any], changes: list[Any]) -> None:
    """After wrong types, unknown and missing fields, huge numbers, NaN and surrogates the rule alone decides."""
    changed = edited(message, changes)
    assert refused(json.dumps(changed).encode()) is not is_message(changed)


@fuzz
@given(hostile)
def test_any_json_is_read_exactly_when_it_is_legal(value: object) -> None:
    """JSON that never was a message is refused, unless it happens to be one."""
    assert refused(json.dumps(value).encode()) is not is_message(value)


@fuzz
@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_refused(body: bytes) -> None:
    """No bytes bring anything but a message or a ProtocolError."""
    refused(body)


@fuzz
@given(legal_messages, st.data())
def test_no_beginning_of_a_message_is_one(message: dict[str, Any], data: st.DataObject) -> None:
    """A message that is cut off anywhere is refused."""
    body = json.dumps(message).encode()
    assert refused(body[: data.draw(st.integers(0, len(body) - 1))])


spoilers = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 3), st.binary(max_size=3)), min_size=1, max_size=3)


@fuzz
@given(legal_messages, spoilers)
def test_a_value_that_is_accepted_is_json(message: dict[str, Any], changes: list[tuple[int, int, bytes]]) -> None:
    """Of messages with bytes put in, taken out and exchanged, those that are read carry JSON that a parser accepts."""

    def no_constants(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    body = json.dumps(message, ensure_ascii=False).encode()
    for at, taken, put in changes:
        at %= len(body) + 1
        body = body[:at] + put + body[at + taken :]
    if not refused(body):
        for raw in raws(decode(body)):
            json.loads(raw, parse_constant=no_constants)


@fuzz
@given(st.lists(st.sampled_from(list(b'[]{}",:0-1.eEtrufalsn\\ \n/')), max_size=12).map(bytes))
def test_a_value_of_json_characters_is_accepted_exactly_when_it_is_json(text: bytes) -> None:
    """For short texts of the characters that JSON is made of, the reader and Python's own agree."""

    def no_constants(name: str) -> None:
        raise ValueError(name)

    try:
        json.loads(text, parse_constant=no_constants)
        is_json = True
    except ValueError:
        is_json = False
    try:
        message = decode(b'{"type":"done","value":%s}' % text)
        accepted = raws(message) == [text.strip(b" \n")]
    except ProtocolError:
        accepted = False
    assert accepted == is_json


# ------------------------------------------------------------------ to the worker


def test_a_run_carries_its_input_as_it_was_written() -> None:
    """The input goes to the worker byte for byte, the rest as JSON with the type beside it."""
    run = Run("x", "javascript", "code-nodes", True, RunLimits(1, 2, 3), Raw(b'{"a" : 1.0}'))
    body = encode(run)
    assert b'"input":{"a" : 1.0}' in body
    assert json.loads(body) == {
        "type": "run",
        "source": "x",
        "language": "javascript",
        "dialect": "code-nodes",
        "check": True,
        "limits": {"output_bytes": 1, "result_bytes": 2, "depth": 3},
        "input": {"a": 1},
    }


def test_a_run_without_input_has_null() -> None:
    """Code that was given nothing sees null."""
    assert json.loads(encode(Run("", "javascript", "code-nodes", True, RunLimits(1, 2, 3))))["input"] is None


@given(st.text(), st.sampled_from(["javascript", "typescript"]))
def test_a_check_carries_the_source(source: str, language: str) -> None:
    """Any source arrives as it is."""
    assert json.loads(encode(Check(source, language))) == {"type": "check", "source": source, "language": language}
