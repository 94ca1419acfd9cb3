"""/openapi.json: what is served stands in it, what stands in it is served, and the seed's part is there."""

import re
from typing import Any

import pytest

from sandboxd.api.openapi import document
from tests.support.daemon import Daemon
from tests.support.seed import seed

DOORS = ["code-nodes", "executions", "actions"]


@pytest.fixture(scope="module")
def served(daemon: Daemon) -> dict[str, Any]:
    """The document, from the daemon."""
    answer = daemon.request("GET", "/openapi.json")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    found: dict[str, Any] = answer.json
    return found


def test_it_is_served_to_anybody(served: dict[str, Any]) -> None:
    """As 3.1, without a token, and just as it is made."""
    assert served["openapi"] == "3.1.0"
    assert served == document()


def test_every_reference_leads_somewhere(served: dict[str, Any]) -> None:
    """And no schema is there that nothing refers to, but those of query strings, whose properties are parameters."""
    found = set(re.findall(r"'#/components/schemas/([^']+)'", str(served)))
    rest = set(served["components"]["schemas"]) - found
    assert found <= set(served["components"]["schemas"])
    assert all(name.endswith(("Query", "Options")) for name in rest), rest


def operations(found: dict[str, Any]) -> set[tuple[str, str]]:
    return {(method.upper(), re.sub(r"{\w+}", "{}", path)) for path, item in found["paths"].items() for method in item}


async def test_every_route_stands_in_it_and_the_other_way_round() -> None:
    """The routes of the application are the operations of the document."""
    from sandboxd.api.app import make_app

    app = make_app(None, None, None, None, DOORS).app  # type: ignore[arg-type]  # no request is made
    rules = {
        (method, re.sub(r"<\w+>", "{}", rule.rule)) for rule in app.url_map.iter_rules() for method in rule.methods - {"HEAD"}
    }
    assert rules == operations(document())


@pytest.mark.parametrize(("path", "method"), [(path, method) for path, item in document()["paths"].items() for method in item])
def test_a_token_is_needed_where_it_says_so(daemon: Daemon, path: str, method: str) -> None:
    """401 on exactly those operations that name the scheme; never a 404 or a 405 of the router."""
    answer = daemon.request(method.upper(), path.replace("{id}", "x"))
    assert (answer.status == 401) is ("security" in document()["paths"][path][method])
    assert answer.status in (200, 401)


def test_every_answer_has_a_struct(served: dict[str, Any]) -> None:
    """Each answer names what is in it."""
    for item in served["paths"].values():
        for operation in item.values():
            for answer in operation["responses"].values():
                assert all("schema" in content for content in answer["content"].values())


def test_the_seed_s_part_is_in_it(served: dict[str, Any]) -> None:
    """Its paths in scope with their methods, names and parameters; its schemas with all their properties, required ones too."""
    wanted = seed() or served
    assert operations(wanted) <= operations(served)
    for path, item in wanted["paths"].items():
        for method, operation in item.items():
            ours = served["paths"][path][method]
            assert ours["operationId"] == operation["operationId"]
            assert set(operation["responses"]) - {"500"} <= set(ours["responses"])
            names = {parameter["name"] for parameter in operation.get("parameters", ())}
            assert names <= {parameter["name"] for parameter in ours.get("parameters", ())}
    for name in (
        "ApiError",
        "CancelResult",
        "ExecAccepted",
        "ExecRequest",
        "ExecutionInfo",
        "ExecutionList",
        "ExecutionOutput",
        "ExecutionSummary",
        "OutputQuery",
    ):
        theirs, ours = wanted["components"]["schemas"][name], served["components"]["schemas"][name]
        assert set(theirs["properties"]) <= set(ours["properties"]), name
        assert set(theirs.get("required", ())) <= set(ours.get("required", ())), name
