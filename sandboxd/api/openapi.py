"""/openapi.json: made from the structs that the doors decode and encode, so that it cannot say anything else."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final

import msgspec
from quart import Blueprint, Response

from sandboxd import __version__
from sandboxd.api.operations import OPERATIONS, ApiError, Kinds, Operation

_JSON: Final = "application/json"
_REF: Final = "#/components/schemas/{name}"
_BEARER: Final = {"bearer": {"type": "http", "scheme": "bearer"}}


def openapi() -> Blueprint:
    """The document's route. No token: it says nothing that is not in the manual."""
    routes = Blueprint("openapi", __name__)
    data = msgspec.json.encode(document())

    @routes.get("/openapi.json")
    async def get() -> Response:
        return Response(data, 200, content_type=_JSON)

    return routes


def document() -> dict[str, Any]:
    """The API as OpenAPI 3.1."""
    kinds = list({id(kind): kind for operation in OPERATIONS for kind in _kinds(operation)}.values())
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    by_kind = {id(kind): schema for kind, schema in zip(kinds, schemas, strict=True)}
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation, by_kind, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "sandboxd",
            "description": "Runs JavaScript nobody trusts, each execution in a fresh process of its own.",
            "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
            "version": __version__,
        },
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": _BEARER},
    }


def _answers(operation: Operation) -> dict[int, Kinds | str]:
    """All that it may answer: its own, and those that every operation of its sort has."""
    common = {500: (ApiError,)}
    if operation.body is not None or operation.query is not None or operation.headers:
        common |= {400: (ApiError,)}
    if operation.token:
        common |= {401: (ApiError,), 403: (ApiError,)}
    if operation.runs:
        common |= {429: (ApiError,), 503: (ApiError,)}
    return dict(sorted((common | dict(operation.answers)).items()))


def _kinds(operation: Operation) -> Iterator[Any]:
    yield from (kind for kind in (operation.body, operation.query, *operation.headers.values()) if kind is not None)
    for answer in _answers(operation).values():
        if not isinstance(answer, str):
            yield from answer


def _operation(operation: Operation, schemas: dict[int, Any], components: dict[str, Any]) -> dict[str, Any]:
    def named(name: str, where: str, schema: Any) -> dict[str, Any]:
        return {"name": name, "in": where, "required": where == "path", "schema": schema}

    parameters = [named(name, "path", {"type": "string"}) for name in re.findall(r"{(\w+)}", operation.path)]
    parameters += [named(name, "header", schemas[id(kind)]) for name, kind in operation.headers.items()]
    if operation.query is not None:
        properties = components[operation.query.__name__]["properties"]
        parameters += [named(name, "query", _without_null(schema)) for name, schema in properties.items()]
    told: dict[str, Any] = {"operationId": operation.name, "summary": operation.summary}
    if parameters:
        told["parameters"] = parameters
    if operation.body is not None:
        content = {_JSON: {"schema": schemas[id(operation.body)]}}
        if operation.source:
            content |= {media: {"schema": {"type": "string"}} for media in ("application/javascript", "text/plain")}
        told["requestBody"] = {"required": True, "content": content}
    told["responses"] = {str(status): _answer(status, kinds, schemas) for status, kinds in _answers(operation).items()}
    if operation.token:
        told["security"] = [{"bearer": []}]
    return told


def _answer(status: int, kinds: Kinds | str, schemas: dict[int, Any]) -> dict[str, Any]:
    if isinstance(kinds, str):
        content: dict[str, Any] = {kinds: {"schema": {"type": "string"} if kinds != _JSON else {}}}
    else:
        found = [schemas[id(kind)] for kind in kinds]
        content = {_JSON: {"schema": found[0] if len(found) == 1 else {"anyOf": found}}}
    return {"description": HTTPStatus(status).phrase, "content": content}


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter that is null is one that is not there."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    return kinds[0] if len(kinds) == 1 else schema
