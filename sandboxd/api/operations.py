"""What the HTTP API can do, as its OpenAPI document says it: a row an operation."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from msgspec import UNSET, Meta, Struct, UnsetType

from sandboxd.api import actions as acts
from sandboxd.api import code_nodes as nodes
from sandboxd.api import execution_shapes as execs
from sandboxd.executions.actions.config import FileConfig
from sandboxd.executions.actions.report import Report, Validation
from sandboxd.executions.health import State
from sandboxd.executions.templates import Template

Kinds = tuple[Any, ...]


class ApiError(Struct):
    """Why a request was not served. What limit decided, what it allows and when to come again stand beside it."""

    error: str
    limit: str | UnsetType = UNSET
    allowed: int | UnsetType = UNSET
    requested: int | UnsetType = UNSET
    retry_after: int | UnsetType = UNSET


class Alive(Struct):
    """The answer of /livez."""

    status: str


class Templates(Struct):
    """The templates there are."""

    templates: list[nodes.Listed]


class Operation(Struct, frozen=True):
    """One of them. `answers` are structs by status, more than one where it depends, or the media type of what is no JSON."""

    method: str
    path: str
    name: str
    summary: str
    answers: Mapping[int, Kinds | str]
    body: Any = None
    source: bool = False
    """Whether a body of any other type is taken as source."""
    query: Any = None
    headers: Mapping[str, Any] = {}
    token: bool = True
    runs: bool = False
    """Whether it needs a worker, or room in a queue."""


LastEventId = Annotated[int, Meta(ge=0)]
_FOUND: Final = {404: (ApiError,)}
_CODE: Final = "/api/ai-automation/code"

OPERATIONS: Final = (
    Operation(
        "post",
        "/api/exec",
        "exec_handler",
        "Submit JavaScript or TypeScript for execution.",
        {202: (execs.ExecAccepted,), 413: (ApiError,), 415: (ApiError,)},
        body=execs.ExecRequest,
        source=True,
        query=execs.ExecOptions,
        headers={"Idempotency-Key": execs.Key},
        runs=True,
    ),
    Operation(
        "get",
        "/api/executions",
        "list_executions_handler",
        "List the caller's executions, the newest first.",
        {200: (execs.ExecutionList,)},
        query=execs.ListQuery,
    ),
    Operation(
        "get",
        "/api/executions/{id}",
        "get_execution_handler",
        "Get the status and result of an execution, waiting for its end if asked to.",
        {200: (execs.ExecutionInfo,), **_FOUND, 429: (ApiError,)},
        query=execs.InfoQuery,
    ),
    Operation(
        "post",
        "/api/executions/{id}/cancel",
        "cancel_execution_handler",
        "Cancel an execution.",
        {200: (execs.CancelResult,), 400: (execs.CancelResult, ApiError), 404: (execs.CancelResult,)},
    ),
    Operation(
        "get",
        "/api/executions/{id}/output",
        "get_execution_output_handler",
        "Read a page of console output, by lines or by bytes.",
        {200: (execs.ExecutionOutput,), **_FOUND},
        query=execs.OutputQuery,
    ),
    Operation(
        "get",
        "/api/executions/{id}/events",
        "execution_events_handler",
        "Follow an execution: its journal as server-sent events, until it has finished.",
        {200: "text/event-stream", **_FOUND, 429: (ApiError,)},
        headers={"Last-Event-ID": LastEventId},
    ),
    Operation("get", "/api/version", "version_handler", "The daemon's version.", {200: (execs.Version,)}, token=False),
    Operation(
        "post",
        f"{_CODE}/validate",
        "validate_code",
        "Say whether code would run, without running it.",
        {200: (nodes.Verdict,), 413: (ApiError,)},
        body=nodes.ValidateRequest,
        runs=True,
    ),
    Operation(
        "post",
        f"{_CODE}/execute",
        "execute_code",
        "Run code, and answer when it has ended.",
        {200: (nodes.Result,), 400: (nodes.Result, ApiError), 413: (ApiError,)},
        body=nodes.ExecuteRequest,
        runs=True,
    ),
    Operation("get", f"{_CODE}/templates", "list_templates", "List the templates.", {200: (Templates,)}),
    Operation("get", f"{_CODE}/templates/{{id}}", "get_template", "Get a template.", {200: (Template,), **_FOUND}),
    Operation("get", "/health", "health", "Whether the daemon lives.", {200: "text/plain"}, token=False),
    Operation(
        "post",
        "/validate",
        "validate_action",
        "Say what is wrong with an action in files, without running it.",
        {200: (Validation,), 413: (ApiError,)},
        body=FileConfig,
        runs=True,
    ),
    Operation(
        "post",
        "/execute",
        "execute_action",
        "Validate an action, and run it once for each fixture and repetition.",
        {200: (Report,), 400: (Report, ApiError), 413: (ApiError,)},
        body=acts.ActionRequest,
        runs=True,
    ),
    Operation("get", "/livez", "livez", "Whether the daemon lives.", {200: (Alive,)}, token=False),
    Operation("get", "/readyz", "readyz", "Whether it can serve.", {200: (State,), 503: (State,)}, token=False),
    Operation("get", "/openapi.json", "openapi", "This document.", {200: "application/json"}, token=False),
)
