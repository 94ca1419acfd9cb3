"""/openapi.json: what is served stands in it, what stands in it is served, and the seed's part is there."""

import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest

from sandboxd.api.docs_page import page
from sandboxd.api.examples import EXAMPLES
from sandboxd.api.openapi import document
from sandboxd.api.operations import DOORS as ALL_DOORS
from sandboxd.api.operations import OPERATIONS
from tests.support.actions import EVENT, HELLO, ActionsCaller
from tests.support.daemon import Daemon
from tests.support.executing import Caller
from tests.support.seed import seed
from tests.support.stored import make_token

DOORS = list(ALL_DOORS)


@pytest.fixture(scope="module")
def daemon(actions: ActionsCaller) -> Daemon:
    """One that reads actions' files, too."""
    return actions.daemon


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


@pytest.mark.parametrize("doors", [DOORS, *([door] for door in DOORS), []], ids=" ".join)
async def test_every_route_stands_in_it_and_the_other_way_round(doors: list[str]) -> None:
    """The routes of an application with these doors are the operations of its document."""
    from sandboxd.api.app import make_app

    app = make_app(None, None, None, None, doors).app  # type: ignore[arg-type]  # no request is made
    rules = {
        (method, re.sub(r"<\w+>", "{}", rule.rule)) for rule in app.url_map.iter_rules() for method in rule.methods - {"HEAD"}
    }
    assert rules == operations(document(doors))


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


def test_every_field_is_described(served: dict[str, Any]) -> None:
    """By what is written below it in its struct; so is each parameter of a query."""
    schemas = served["components"]["schemas"].items()
    bare = [f"{name}.{key}" for name, schema in schemas for key, field in schema.get("properties", {}).items()
            if not field.get("description")]  # fmt: skip
    bare += [name for name, schema in schemas if not schema.get("description")]
    bare += [each["name"] for item in served["paths"].values() for operation in item.values()
             for each in operation.get("parameters", ()) if each["in"] == "query" and not each.get("description")]  # fmt: skip
    assert bare == []


def shape(value: Any) -> Any:
    """What keys there are and of what types their values."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    if isinstance(value, list):
        return [shape(each) for each in value]
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def test_examples_are_what_is_sent_and_answered(actions: ActionsCaller, caller: Caller) -> None:
    """The requests are taken; the answers have the examples' shapes."""
    (actions.root / "action.js").write_text(HELLO)
    (actions.root / "event.json").write_text(EVENT)
    enterprise = Caller(caller.daemon, make_token(caller.daemon.data_dir, "ada", "enterprise"))
    ended, seen = caller.run("console.log('working'); ({ sum: 5 + 3 })"), set()
    for operation in OPERATIONS:
        if (example := EXAMPLES.get(operation.name)) is None:
            continue
        asking = enterprise if operation.name == "limits" else caller
        answer = asking.ask(operation.method.upper(), operation.path.format(id=ended["execution_id"]), body=example.body)
        assert answer.status in (200, 202), (operation.name, answer.body)
        seen.add(operation.name)
        if operation.name == "list_executions_handler":
            assert shape(answer.json["executions"][-1]) == shape(example.answer["executions"][0])
        elif operation.name == "limits":
            assert answer.json | {"doors": {"executions": answer.json["doors"]["executions"]}} == example.answer
        else:
            assert shape(answer.json) == shape(example.answer), operation.name
    assert seen == set(EXAMPLES)


def test_every_json_request_has_an_example(served: dict[str, Any]) -> None:
    """Whoever reads it can try it."""
    bodies = [operation["requestBody"]["content"] for item in served["paths"].values() for operation in item.values()
              if "requestBody" in operation]  # fmt: skip
    assert bodies
    assert all(body["application/json"]["example"] for body in bodies)


class Page(HTMLParser):
    """What an HTML page has in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One tag."""
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]


def test_the_page_for_people_has_it_all_and_needs_nothing_else(daemon: Daemon, served: dict[str, Any]) -> None:
    """Each operation, field and example; no script, no form, no link that leads elsewhere, and a policy that forbids them."""
    answer = daemon.request("GET", "/docs")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    text = answer.body.decode()
    assert text == page(served)
    found = Page(text)
    assert not found.tags & {"script", "link", "img", "iframe", "form", "object"}
    assert not any(name.startswith("on") or name == "style" for name in found.attributes)
    assert [link for link in found.links if link != "openapi.json" and link.removeprefix("#") not in found.ids] == []
    assert len(found.ids) == len(set(found.ids))
    operations = [operation for item in served["paths"].values() for operation in item.values()]
    assert {operation["operationId"] for operation in operations} <= set(found.ids)
    assert {f"schema-{name}" for name in served["components"]["schemas"]} <= set(found.ids)
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")


def test_what_stands_in_the_document_is_no_html_on_the_page() -> None:
    """Texts are escaped, whatever they are."""
    evil = "</style><script>alert(1)</script>"
    found = document()
    found["info"]["description"] = found["tags"][0]["description"] = evil
    found["components"]["schemas"]["Version"]["properties"][evil] = {"type": "string", "description": evil, "default": evil}
    found["paths"]["/livez"]["get"]["responses"]["200"]["content"]["application/json"]["example"] = evil
    assert "<script" not in page(found)


def test_the_doors_stand_in_their_order(served: dict[str, Any]) -> None:
    """Operations of one door are together, the daemon's own last."""
    tags = [operation["tags"][0] for item in served["paths"].values() for operation in item.values()]
    assert list(dict.fromkeys(tags)) == [tag["name"] for tag in served["tags"]]
    assert sum(one != other for one, other in pairwise(tags)) == len(served["tags"]) - 1


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
