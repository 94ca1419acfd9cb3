"""Generated messages, against the rule of what is one, written down a second time."""

import json
import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sandboxd.errors import ProtocolError
from sandboxd.protocol.messages import decode
from tests.support.messages import KINDS, LEVELS, as_json, raws, refused

fuzz = settings(max_examples=600, deadline=2000)

texts = st.text(max_size=8)
leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
)
places = st.integers(1, 2**31)
call_names = st.text(min_size=1, max_size=8)
failures = st.fixed_dictionaries(
    {"kind": st.sampled_from(KINDS), "name": texts, "message": texts},
    optional={"line": st.none() | places, "column": st.none() | places, "stack": texts},
)
legal_messages = st.one_of(
    st.fixed_dictionaries({"type": st.just("ready"), "node": texts, "typescript": st.booleans()}),
    st.fixed_dictionaries({"type": st.just("log"), "level": st.sampled_from(LEVELS), "text": texts}),
    st.just({"type": "output_full"}),
    st.fixed_dictionaries(
        {
            "type": st.just("host_call"),
            "id": st.integers(1, 10_000),
            "capability": call_names,
            "method": call_names,
            "args": values,
        }
    ),
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
names = st.sampled_from(
    ["type", "value", "returned", "failure", "kind", "name", "message", "line", "stack", "level", "x", "id", "args"]
)
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
    if kind == "host_call":
        return (
            set(fields) == {"id", "capability", "method", "args"}
            and type(fields["id"]) is int
            and 1 <= fields["id"] <= 10_000
            and all(isinstance(name, str) and 1 <= len(name) <= 64 for name in (fields["capability"], fields["method"]))
        )
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
