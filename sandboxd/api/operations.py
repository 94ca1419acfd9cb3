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
from sandboxd.executions.limits import LimitsTold
from sandboxd.executions.templates import Template

Kinds = tuple[Any, ...]


class ApiError(Struct):
    """Why a request was not served. What limit decided, what it allows and when to come again stand beside it."""

    error: str
    """For people; it names the field, the limit or the setting."""
    limit: str | UnsetType = UNSET
    """The limit that decided."""
    allowed: int | UnsetType = UNSET
    """What it allows, in its own unit."""
    requested: int | UnsetType = UNSET
    """What was asked for, in the same unit."""
    retry_after: int | UnsetType = UNSET
    """Whole seconds after which it is worth another try."""


class Alive(Struct):
    """The answer of /livez."""

    status: str
    """"alive"."""


class Templates(Struct):
    """The templates there are."""

    templates: list[nodes.Listed]
    """Without their code, in the order of a course."""


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
    door: str = ""
    """The door that it belongs to; empty: it is there whatever is served."""


LastEventId = Annotated[int, Meta(ge=0)]
_FOUND: Final = {404: (ApiError,)}
_CODE: Final = "/api/ai-automation/code"

NODES: Final = "code-nodes"
EXECUTIONS: Final = "executions"
ACTIONS: Final = "actions"
DOORS: Final = {
    NODES: "Run the code of a workflow's code node, and get its result in the answer.",
    EXECUTIONS: "Submit programs that run by themselves; watch, await, page and cancel them.",
    ACTIONS: "Judge and run actions with fixtures: main(event, callback).",
}
"""The doors in words, in the order of the documents."""

OPERATIONS: Final = (
    Operation(
        "post",
        f"{_CODE}/validate",
        "validate_code",
        "Say whether code would run, without running it.",
        {200: (nodes.Verdict,), 413: (ApiError,)},
        body=nodes.ValidateRequest,
        runs=True,
        door=NODES,
    ),
    Operation(
        "post",
        f"{_CODE}/execute",
        "execute_code",
        "Run code, and answer when it has ended.",
        {200: (nodes.Result,), 400: (nodes.Result, ApiError), 413: (ApiError,)},
        body=nodes.ExecuteRequest,
        runs=True,
        door=NODES,
    ),
    Operation("get", f"{_CODE}/templates", "list_templates", "List the templates.", {200: (Templates,)}, door=NODES),
    Operation("get", f"{_CODE}/templates/{{id}}", "get_template", "Get a template.", {200: (Template,), **_FOUND}, door=NODES),
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
        door=EXECUTIONS,
    ),
    Operation(
        "get",
        "/api/executions",
        "list_executions_handler",
        "List the caller's executions, the newest first.",
        {200: (execs.ExecutionList,)},
        query=execs.ListQuery,
        door=EXECUTIONS,
    ),
    Operation(
        "get",
        "/api/executions/{id}",
        "get_execution_handler",
        "Get the status and result of an execution, waiting for its end if asked to.",
        {200: (execs.ExecutionInfo,), **_FOUND, 429: (ApiError,)},
        query=execs.InfoQuery,
        door=EXECUTIONS,
    ),
    Operation(
        "post",
        "/api/executions/{id}/cancel",
        "cancel_execution_handler",
        "Cancel an execution.",
        {200: (execs.CancelResult,), 400: (execs.CancelResult, ApiError), 404: (execs.CancelResult,)},
        door=EXECUTIONS,
    ),
    Operation(
        "get",
        "/api/executions/{id}/output",
        "get_execution_output_handler",
        "Read a page of console output, by lines or by bytes.",
        {200: (execs.ExecutionOutput,), **_FOUND},
        query=execs.OutputQuery,
        door=EXECUTIONS,
    ),
    Operation(
        "get",
        "/api/executions/{id}/events",
        "execution_events_handler",
        "Follow an execution: its journal as server-sent events, until it has finished.",
        {200: "text/event-stream", **_FOUND, 429: (ApiError,)},
        headers={"Last-Event-ID": LastEventId},
        door=EXECUTIONS,
    ),
    Operation(
        "get", "/api/version", "version_handler", "The daemon's version.", {200: (execs.Version,)}, token=False, door=EXECUTIONS
    ),
    Operation("get", "/health", "health", "Whether the daemon lives.", {200: "text/plain"}, token=False, door=ACTIONS),
    Operation(
        "post",
        "/validate",
        "validate_action",
        "Say what is wrong with an action in files, without running it.",
        {200: (Validation,), 413: (ApiError,)},
        body=FileConfig,
        runs=True,
        door=ACTIONS,
    ),
    Operation(
        "post",
        "/execute",
        "execute_action",
        "Validate an action, and run it once for each fixture and repetition.",
        {200: (Report,), 400: (Report, ApiError), 413: (ApiError,)},
        body=acts.ActionRequest,
        runs=True,
        door=ACTIONS,
    ),
    Operation("get", "/limits", "limits", "What the bearer of the token may do.", {200: (LimitsTold,)}),
    Operation("get", "/livez", "livez", "Whether the daemon lives.", {200: (Alive,)}, token=False),
    Operation("get", "/readyz", "readyz", "Whether it can serve.", {200: (State,), 503: (State,)}, token=False),
    Operation("get", "/openapi.json", "openapi", "This document.", {200: "application/json"}, token=False),
    Operation("get", "/docs", "docs", "This document for people.", {200: "text/html"}, token=False),
)
