"""/openapi.json: made from the structs that the doors decode and encode, so that it cannot say anything else."""

import re
from collections.abc import Container, Iterable, Iterator
from http import HTTPStatus
from typing import Any, Final

import msgspec
from quart import Blueprint, Response

from sandboxd import __version__, docstrings
from sandboxd.api.docs_page import POLICY, page
from sandboxd.api.examples import EXAMPLES
from sandboxd.api.operations import DOORS, OPERATIONS, ApiError, Kinds, Operation

_JSON: Final = "application/json"
_REF: Final = "#/components/schemas/{name}"
_BEARER: Final = {"bearer": {"type": "http", "scheme": "bearer", "description": "From `sandboxd token create`."}}
_HOUSE: Final = "daemon"
"""The tag of what is there whatever is served."""
_REASONS: Final = {
    202: "It is on disk, and will run.",
    400: "The request is not as it must be: the text names the field. The same request fails again.",
    401: "There is no token, or it is unknown, revoked or too old.",
    403: "The caller's tier, or a setting of this daemon, does not allow it; of a limit the number stands beside the text.",
    404: "There is no such thing, or it belongs to somebody else.",
    408: "The body did not come in time.",
    413: "The body is too large.",
    415: "The body is of a type that is not taken.",
    429: "A quota is used up, which `limit` names; it is worth another try after `Retry-After` seconds.",
    500: "The daemon failed; its log has more.",
    503: "There is no room now; nothing has run, and it is worth another try after `Retry-After` seconds.",
}
_HEADERS: Final = {
    401: {"WWW-Authenticate": "Always `Bearer`."},
    429: {
        "Retry-After": "Whole seconds.",
        "RateLimit": "What is exhausted and for how long, as the IETF's draft writes it.",
        "RateLimit-Policy": "The caller's quotas, in the same way.",
    },
    503: {"Retry-After": "Whole seconds."},
}


def openapi(served: Container[str]) -> Blueprint:
    """The document's routes, for programs and for people. No token: it says nothing that is not in the manual."""
    routes = Blueprint("openapi", __name__)
    found = document(served)
    data, html = msgspec.json.encode(found), page(found).encode()

    @routes.get("/openapi.json")
    async def get() -> Response:
        return Response(data, 200, content_type=_JSON)

    @routes.get("/docs")
    async def docs() -> Response:
        return Response(html, 200, POLICY, content_type="text/html; charset=utf-8")

    return routes


def document(served: Container[str] = DOORS) -> dict[str, Any]:
    """The API as OpenAPI 3.1, with those doors that are `served`."""
    operations = [each for each in OPERATIONS if not each.door or each.door in served]
    kinds = list({id(kind): kind for operation in operations for kind in _kinds(operation)}.values())
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    _describe(kinds, components)
    by_kind = {id(kind): schema for kind, schema in zip(kinds, schemas, strict=True)}
    paths: dict[str, Any] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation, by_kind, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "sandboxd",
            "description": "Runs JavaScript nobody trusts, each execution in a fresh process of its own.",
            "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
            "version": __version__,
        },
        "tags": [
            *({"name": door, "description": text} for door, text in DOORS.items() if door in served),
            {"name": _HOUSE, "description": "The daemon itself: what it is, how it is, what a caller may do."},
        ],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": _BEARER},
    }


def _describe(kinds: Iterable[Any], components: dict[str, Any]) -> None:
    """What is written below the structs' fields, to their properties."""
    for kind in _structs(msgspec.inspect.multi_type_info(kinds)):
        properties = components.get(kind.__name__, {}).get("properties", {})
        for name, text in docstrings.of_fields(kind).items():
            if name in properties:
                properties[name]["description"] = text


def _structs(found: Any) -> Iterator[type[Any]]:
    """All structs that a description of types names, however deep."""
    seen, left = set(), list(found)
    while left:
        each = left.pop()
        if isinstance(each, msgspec.inspect.StructType):
            if each.cls in seen:
                continue
            seen.add(each.cls)
            yield each.cls
            left += [field.type for field in each.fields]
        else:
            left += [getattr(each, name) for name in ("item_type", "key_type", "value_type", "type") if hasattr(each, name)]
            left += getattr(each, "types", ())


def _answers(operation: Operation) -> dict[int, Kinds | str]:
    """All that it may answer: its own, and those that every operation of its sort has."""
    common = {500: (ApiError,)}
    if operation.body is not None or operation.query is not None or operation.headers:
        common |= {400: (ApiError,)}
    if operation.body is not None:
        common |= {408: (ApiError,)}
    if operation.token:
        common |= {401: (ApiError,)}
        if operation.door:
            common |= {403: (ApiError,)}
    if operation.runs:
        common |= {429: (ApiError,), 503: (ApiError,)}
    return dict(sorted((common | dict(operation.answers)).items()))


def _kinds(operation: Operation) -> Iterator[Any]:
    yield from (kind for kind in (operation.body, operation.query, *operation.headers.values()) if kind is not None)
    for answer in _answers(operation).values():
        if not isinstance(answer, str):
            yield from answer


def _operation(operation: Operation, schemas: dict[int, Any], components: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.door or _HOUSE],
    }
    if parameters := list(_parameters(operation, schemas, components)):
        told["parameters"] = parameters
    if operation.body is not None:
        content: dict[str, Any] = {_JSON: {"schema": schemas[id(operation.body)]}}
        if operation.name in EXAMPLES:
            content[_JSON]["example"] = EXAMPLES[operation.name].body
        if operation.source:
            content |= {media: {"schema": {"type": "string"}} for media in ("application/javascript", "text/plain")}
        told["requestBody"] = {"required": True, "content": content}
    told["responses"] = {
        str(status): _answer(status, kinds, schemas, operation.name) for status, kinds in _answers(operation).items()
    }
    if operation.token:
        told["security"] = [{"bearer": []}]
    return told


def _parameters(operation: Operation, schemas: dict[int, Any], components: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"{(\w+)}", operation.path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
    for name, kind in operation.headers.items():
        yield {"name": name, "in": "header", "required": False, "schema": schemas[id(kind)]}
    if operation.query is not None:
        for name, schema in components[operation.query.__name__]["properties"].items():
            plain = _without_null(schema)
            about = {"description": schema["description"]} if "description" in schema else {}
            yield {"name": name, "in": "query", "required": False, **about, "schema": plain}


def _answer(status: int, kinds: Kinds | str, schemas: dict[int, Any], name: str) -> dict[str, Any]:
    if isinstance(kinds, str):
        content: dict[str, Any] = {kinds: {"schema": {"type": "string"} if kinds != _JSON else {}}}
    else:
        found = [schemas[id(kind)] for kind in kinds]
        content = {_JSON: {"schema": found[0] if len(found) == 1 else {"anyOf": found}}}
        if status < 300 and name in EXAMPLES:
            content[_JSON]["example"] = EXAMPLES[name].answer
    told = {"description": _reason(status, kinds), "content": content}
    if status in _HEADERS and ApiError in kinds:
        told["headers"] = {
            header: {"description": text, "schema": {"type": "string"}} for header, text in _HEADERS[status].items()
        }
    return told


def _reason(status: int, kinds: Kinds | str) -> str:
    if isinstance(kinds, str) or (ApiError not in kinds and status != HTTPStatus.ACCEPTED):
        return HTTPStatus(status).phrase
    either = " Or it is refused for what is in it, with the fields of an answer." if len(kinds) > 1 else ""
    return _REASONS.get(status, HTTPStatus(status).phrase) + either


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that is null is one that is not there."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    return kinds[0] if len(kinds) == 1 else {name: value for name, value in schema.items() if name != "description"}
