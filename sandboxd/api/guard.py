"""What every door does with a request before it knows what is in it, and with an answer after."""

from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from quart import Response

from sandboxd.api.incoming import Incoming
from sandboxd.errors import BadRequest, MissingToken
from sandboxd.json_reader import read_json

T = TypeVar("T")


def bearer(incoming: Incoming) -> str:
    """The token of the request. Raises MissingToken."""
    scheme, _, token = incoming.header("Authorization").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise MissingToken
    return token.strip()


async def body(decoder: msgspec.json.Decoder[T], incoming: Incoming) -> T:
    """The request's body by its struct; no Content-Type is demanded. Raises BodyTooLarge, BadRequest naming the field."""
    return read_json(decoder, await incoming.data())


async def text(incoming: Incoming) -> str:
    """The request's body as it stands. Raises BodyTooLarge, and BadRequest where it is not UTF-8."""
    try:
        return (await incoming.data()).decode()
    except UnicodeDecodeError:
        raise BadRequest("Invalid request: the body is not UTF-8") from None


def query(kind: type[T], incoming: Incoming) -> T:
    """What stands behind the question mark, by its struct. Raises BadRequest naming the parameter."""
    try:
        pairs = parse_qsl(incoming.query.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError:
        if incoming.query:
            raise BadRequest("Invalid request: the query string is not name=value pairs in UTF-8") from None
        pairs = []
    values = dict(pairs)
    if len(values) < len(pairs):
        twice = next(name for name, _ in pairs if [other for other, _ in pairs].count(name) > 1)
        raise BadRequest(f"Invalid request: Object contains `{twice}` more than once")
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as problem:
        raise BadRequest(f"Invalid request: {problem}") from None


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer; structs and msgspec.Raw are written as they are."""
    response = Response(msgspec.json.encode(value), status, content_type="application/json")
    response.headers.update(headers or {})
    return response
