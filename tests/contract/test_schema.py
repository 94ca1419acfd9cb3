"""Generated requests: whatever the documents allow, the daemon answers as they say.

Ours for all doors, and for the executions door the one that it was made after.
"""

from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from sandboxd.api.openapi import document
from sandboxd.api.operations import DOORS as ALL_DOORS
from tests.support.daemon import Daemon
from tests.support.executing import ASLEEP, Caller
from tests.support.seed import seed

DOORS = list(ALL_DOORS)

BEYOND = {400, 401, 403, 404, 413, 429, 503}
"""What may be answered besides what a document says. 400 is for values that its types allow and its words do not."""

UNLIKELY = {"/execute", "/validate"}
"""Where nothing that is made up is ever right: a program that exports a function, a file that is there."""


def operations() -> list[Any]:
    """All but the stream, which is no JSON."""
    ours = document()
    del ours["paths"]["/api/executions/{id}/events"]
    documents = {"ours": ours, "seed": seed()}
    schemas = {name: schemathesis.openapi.from_dict(each) for name, each in documents.items() if each is not None}
    return [
        pytest.param(each.ok(), id=f"{name} {each.ok().label}")
        for name, schema in schemas.items()
        for each in schema.get_all_operations()
    ]


@pytest.fixture
def some_ids(caller: Caller) -> Iterator[list[str]]:
    """Executions of each kind: one that has ended, one that runs."""
    ended, running = caller.submit("for (let i = 0; i < 200; i++) console.log('ü', i); ({a: 1})"), caller.submit(ASLEEP)
    caller.ended(ended)
    yield [ended, running]
    caller.cancel(running)


@pytest.mark.parametrize("operation", operations())
def test_answers_are_as_documented(daemon: Daemon, token: str, some_ids: list[str], operation: Any) -> None:
    """No server error but 503; body and type as the document says for the status; no status that nobody spoke of."""
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token}"
    seen: set[int] = set()
    documented = {int(status) for status in operation.definition.raw["responses"]}

    @hypothesis.given(case=operation.as_strategy(), known=st.sampled_from([None, *some_ids, "hello_world"]))
    @hypothesis.settings(
        max_examples=60, derandomize=True, deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck)
    )
    def one(case: Any, known: str | None) -> None:
        if known is not None and case.path_parameters:
            case.path_parameters["id"] = known
        if case.query.get("wait"):
            case.query["wait"] = 0.01  # it is how long a test would take
        response = case.call(base_url=f"http://{daemon.host}:{daemon.port}", session=session, timeout=90)
        checks = [response_schema_conformance, content_type_conformance]
        case.validate_response(response, checks=checks if response.status_code == 503 else [not_a_server_error, *checks])
        assert response.status_code in documented | BEYOND
        seen.add(response.status_code)
        if response.status_code >= 400:
            told = response.json()
            assert isinstance(told.get("error"), str) or told["errors"]

    one()
    session.close()
    assert seen & {200, 202} or operation.path in UNLIKELY, seen
