"""The messages of the channel: what is one, and that everything else is a ProtocolError."""

import json
from typing import Any

import pytest

from sandboxd.models import LogLine
from sandboxd.protocol.messages import (
    Done,
    OutputFull,
    Ready,
    WorkerFailure,
    decode,
)
from tests.support.messages import KINDS, LEVELS, raws, refused

# ------------------------------------------------------------------ what is a message


@pytest.mark.parametrize("level", LEVELS)
def test_a_log_has_a_level_and_a_text(level: str) -> None:
    """Each console level is read as itself."""
    assert decode(b'{"type":"log","level":"%s","text":"a\\nb"}' % level.encode()) == LogLine(level, "a\nb")  # type: ignore[arg-type]


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
    "an unknown type": b'{"type":"progress"}',
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
    "a host call without arguments": b'{"type":"host_call","id":1,"capability":"fetch","method":"request"}',
    "a host call without a name": b'{"type":"host_call","id":1,"capability":"","method":"request","args":1}',
    "a host call with two ids": b'{"type":"host_call","id":[1,2],"capability":"fetch","method":"request","args":1}',
    "a host call with a secret field": b'{"type":"host_call","id":1,"capability":"fetch","method":"request","args":1,"x":1}',
    "a host call with arguments that are no JSON": b'{"type":"host_call","id":1,"capability":"a","method":"b","args":[1}',
    "a forged host result": b'{"type":"host_result","id":1,"value":1}',
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
    "the arguments of a host call": b'{"type":"host_call","id":1,"capability":"a","method":"b","args":["%s"]}',
    "the method of a host call": b'{"type":"host_call","id":1,"capability":"a","method":"%s","args":1}',
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
@pytest.mark.parametrize("text", NOT_TEXT.values(), ids=NOT_TEXT.keys())
def test_what_is_not_unicode_is_refused(place: bytes, text: bytes) -> None:
    """Bad UTF-8 and lone surrogates are refused wherever they stand, in values that are not decoded as well."""
    assert refused(place % text)


def test_a_surrogate_pair_is_a_character() -> None:
    """Two escapes that belong together are one character."""
    assert decode(PLACES["a log"] % b"\\ud83d\\ude00") == LogLine("log", "😀")


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
    [
        b'{"type":"done","value":%s}',
        b'{"type":"done","failure":%s}',
        b'{"value":%s,"type":"done"}',
        b'{"type":"host_call","id":1,"capability":"a","method":"b","args":%s}',
        b"%s",
    ],
    ids=["value", "failure", "before the type", "host call", "alone"],
)
def test_absurd_depth_is_refused(place: bytes, opened: bytes, closed: bytes, closes: bool, levels: int) -> None:
    """Ten thousand levels and more are refused wherever they stand, and the process lives on."""
    assert refused(place % (opened * levels + b"0" + (closed * levels if closes else b"")))
