"""JSON of a caller's, read into a struct; what is wrong with it is told in one way by HTTP and on the command line."""

import re
from typing import Final, TypeVar

import msgspec
from msgspec import Raw

from sandboxd.errors import BadRequest

T = TypeVar("T")
_ESCAPED_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


def read_json(decoder: msgspec.json.Decoder[T], data: bytes) -> T:
    """The struct in `data`. Raises BadRequest naming the field."""
    try:
        data.decode()  # msgspec.Raw takes bytes that are not UTF-8
        return decoder.decode(data)
    except msgspec.ValidationError as problem:
        raise BadRequest(f"Invalid request: {problem}") from None
    except UnicodeDecodeError:
        raise BadRequest("Invalid request: the body is not UTF-8") from None
    except RecursionError:
        raise BadRequest("Invalid request: the body is nested too deep") from None
    except (msgspec.MsgspecError, ValueError) as problem:
        raise BadRequest(f"Invalid JSON: {_reason(data, problem)}") from None


def _reason(data: bytes, problem: Exception) -> str:
    """Why it is not JSON. Of half a surrogate pair at the end of a string msgspec says that the data was truncated."""
    try:
        msgspec.json.decode(_ESCAPED_SURROGATE.sub(b"", data), type=Raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return str(problem)
    return "half of an escaped surrogate pair, which is no character"
