"""Host calls and their results, and what goes to the worker before them: as they are written, and their borders."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from js_harness import HOME
from sandboxd.protocol.messages import (
    CALL_ROOM,
    HOST_CALLS_MOST,
    HOST_CALLS_PENDING,
    Canary,
    Capabilities,
    Check,
    FetchCapability,
    HostCall,
    HostError,
    HostResult,
    Request,
    Run,
    RunLimits,
    decode,
    encode,
    encode_result,
)
from tests.support.messages import raws, refused

# ------------------------------------------------------------------ host calls


def test_a_host_call_carries_its_arguments_as_they_were_written() -> None:
    """Who asks for what is read, with what is not: the arguments are the worker's bytes."""
    message = decode(b'{"type":"host_call","id":7,"capability":"fetch","method":"request","args":{"b": 1,\n "a":[ ]}}')
    assert isinstance(message, HostCall)
    assert (message.id, message.capability, message.method) == (7, "fetch", "request")
    assert raws(message) == [b'{"b": 1,\n "a":[ ]}']


NUMBERS: list[tuple[Any, bool]] = [(1, True), (10_000, True), *[(bad, False) for bad in (0, -1, 10_001, 2**64, 1.5, "1", None)]]


@pytest.mark.parametrize(("number", "legal"), NUMBERS)
def test_the_borders_of_a_number_are_exact(number: object, legal: bool) -> None:
    """Host calls are numbered from 1 to 10,000."""
    body = {"type": "host_call", "id": number, "capability": "a", "method": "b", "args": None}
    assert refused(json.dumps(body).encode()) is not legal


@pytest.mark.parametrize("field", ["capability", "method"])
@pytest.mark.parametrize(("length", "legal"), [(0, False), (1, True), (64, True), (65, False)])
def test_the_borders_of_a_name_are_exact(field: str, length: int, legal: bool) -> None:
    """Capabilities and methods have names of 1 to 64 characters."""
    body = {"type": "host_call", "id": 1, "capability": "a", "method": "b", "args": None, field: "é" * length}
    assert refused(json.dumps(body).encode()) is not legal


def test_a_host_result_is_a_value_or_an_error() -> None:
    """What is absent is not written; a value of null is there."""
    assert encode_result(HostResult(1, Raw(b"null"))) == b'{"type":"host_result","id":1,"value":null}'
    told = json.loads(encode_result(HostResult(2, error=HostError("TypeError", "fetch failed: é", "egress.host"))))
    error = {"name": "TypeError", "message": "fetch failed: é", "rule": "egress.host"}
    assert told == {"type": "host_result", "id": 2, "error": error}


def test_the_longest_call_has_room_for_its_body_in_base64() -> None:
    """A body as long as is granted fits, with a URL and headers of 128 KB; what is not granted has no calls."""
    assert Capabilities().call_bytes == 0
    for size in range(100):
        granted = Capabilities(FetchCapability(None, size)).call_bytes
        assert granted == len(base64.b64encode(bytes(size))) + CALL_ROOM


def test_the_harness_keeps_to_these_numbers() -> None:
    """Half of the calls are for asking, the other half for aborting; and one call has the room that it has here."""
    host, fetch = ((HOME / name).read_text() for name in ("host.js", "fetch.js"))
    assert f"AT_ONCE = {HOST_CALLS_PENDING // 2}, MOST = {HOST_CALLS_MOST // 2};" in host
    assert f"CALL_ROOM = {CALL_ROOM >> 10} << 10;" in fetch


# ------------------------------------------------------------------ to the worker


def test_a_run_carries_its_input_as_it_was_written() -> None:
    """The input goes to the worker byte for byte, the rest as JSON with the type beside it."""
    run = Run("x", "javascript", "code-nodes", True, RunLimits(1, 2, 3), Raw(b'{"a" : 1.0}'))
    body = encode(run, data_bytes=9, heap_bytes=8)
    assert b'"input":{"a" : 1.0}' in body
    assert json.loads(body) == {
        "type": "run",
        "source": "x",
        "language": "javascript",
        "dialect": "code-nodes",
        "check": True,
        "limits": {"output_bytes": 1, "result_bytes": 2, "depth": 3},
        "input": {"a": 1},
        "data_bytes": 9,
        "heap_bytes": 8,
        "capabilities": {},
    }


def test_a_run_without_input_has_null() -> None:
    """Code that was given nothing sees null."""
    assert json.loads(encode(Run("", "javascript", "code-nodes", True, RunLimits(1, 2, 3)), data_bytes=9))["input"] is None


def test_a_run_says_what_it_may_ask_for() -> None:
    """What the harness must know of a grant, by the capability's name."""
    granted = Capabilities(FetchCapability("http://a/", 5))
    run = Run("", "javascript", "code-nodes", True, RunLimits(1, 2, 3), capabilities=granted)
    assert json.loads(encode(run, data_bytes=9))["capabilities"] == {"fetch": {"base_url": "http://a/", "request_bytes": 5}}


@given(st.text(), st.sampled_from(["javascript", "typescript"]))
def test_a_check_carries_the_source(source: str, language: str) -> None:
    """Any source arrives as it is."""
    told = json.loads(encode(Check(source, language), data_bytes=9, heap_bytes=8))
    assert told == {"type": "check", "source": source, "language": language, "data_bytes": 9, "heap_bytes": 8}


def test_a_canary_carries_names_and_no_code() -> None:
    """The attempts in their order, and the memory limits that every request has."""
    told = json.loads(encode(Canary(("one", "two")), data_bytes=9, heap_bytes=8))
    assert told == {"type": "canary", "attempts": ["one", "two"], "data_bytes": 9, "heap_bytes": 8}


@pytest.mark.parametrize(
    "message", [Check("x", "javascript"), Canary(()), Run("", "javascript", "code-nodes", True, RunLimits(1, 2, 3))]
)
def test_no_request_can_be_sent_without_a_memory_limit(message: Request) -> None:
    """What stands in the message until then is not what is sent."""
    with pytest.raises(TypeError):
        encode(message)  # type: ignore[call-arg]
    assert json.loads(encode(message, data_bytes=9))["data_bytes"] == 9
