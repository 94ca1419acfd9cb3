"""GET /templates and what each template shows when it runs."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.daemon import BASE, Answer, Daemon
from tests.support.upstream import Upstream
from tests.unit.test_templates import IDS_AND_NAMES

Run = Callable[..., Answer]
FETCHING = {"fetch_data", "async_await"}
IDS = [template_id for template_id, _ in IDS_AND_NAMES]


@pytest.fixture(scope="module")
def code_of(daemon: Daemon, token: str) -> Callable[[str], str]:
    """The code of a template, from the API."""
    return lambda template_id: daemon.request("GET", f"{BASE}/templates/{template_id}", token=token).json["code"]


@pytest.fixture
def shown(run: Run, code_of: Callable[[str], str]) -> Callable[..., dict[str, Any]]:
    """Runs a template."""
    return lambda template_id, **more: run(code_of(template_id), **more).json


def test_the_list_has_the_12_templates_in_their_order(daemon: Daemon, token: str) -> None:
    """Ids and names are those of the API's document, in its order."""
    answer = daemon.request("GET", f"{BASE}/templates", token=token)
    assert (answer.status, list(answer.json)) == (200, ["templates"])
    assert [(each["id"], each["name"]) for each in answer.json["templates"]] == IDS_AND_NAMES


def test_the_list_has_no_code(daemon: Daemon, token: str) -> None:
    """An entry has the documented fields, category and difficulty."""
    for each in daemon.request("GET", f"{BASE}/templates", token=token).json["templates"]:
        assert list(each) == ["id", "name", "description", "category", "difficulty"]


def test_hello_world_is_the_documented_one(daemon: Daemon, token: str) -> None:
    """The documented example, field for field."""
    answer = daemon.request("GET", f"{BASE}/templates/hello_world", token=token)
    body = answer.json
    assert (answer.status, body.pop("category"), body.pop("difficulty")) == (200, "basics", "beginner")
    assert body == {
        "id": "hello_world",
        "name": "Hello World",
        "description": "Simple console output - perfect for testing",
        "code": "console.log('Hello, World!');",
    }


@pytest.mark.parametrize(
    "template_id", ["nope", "HELLO_WORLD", "hello_world.js", "01_hello_world", "..", "%00", "%ff", "a" * 5000]
)
def test_an_unknown_template_is_404(daemon: Daemon, token: str, template_id: str) -> None:
    """What is not one of the twelve ids is not found."""
    answer = daemon.request("GET", f"{BASE}/templates/{template_id}", token=token)
    assert (answer.status, answer.json) == (404, {"error": "Template not found"})


@pytest.mark.parametrize("template_id", IDS)
def test_every_template_validates(daemon: Daemon, token: str, code_of: Callable[[str], str], template_id: str) -> None:
    """No template has a finding."""
    assert daemon.validate(token, code_of(template_id)).json == {"valid": True, "error": None}


@pytest.mark.parametrize("template_id", [each for each in IDS if each not in FETCHING])
def test_every_template_that_needs_no_network_succeeds(shown: Callable[..., dict[str, Any]], template_id: str) -> None:
    """It runs as it is, and prints something."""
    body = shown(template_id)
    assert (body["status"], bool(body["output"])) == ("success", True)


@pytest.mark.parametrize("template_id", sorted(FETCHING))
def test_a_template_that_fetches_gives_what_it_got(
    shown: Callable[..., dict[str, Any]], upstream: Upstream, template_id: str
) -> None:
    """Against a server of the tests."""
    body = shown(template_id, input={"path": f"{upstream.url}/api/data"})
    assert (body["status"], body["return_value"]["data"]) == ("success", {"items": [1, 2, 3]})


def test_fetch_data_fails_with_what_the_server_said(shown: Callable[..., dict[str, Any]], upstream: Upstream) -> None:
    """A 404 is an answer, and no data."""
    assert (
        shown("fetch_data", input={"path": f"{upstream.url}/nothing"})["error"]
        == f"Error: GET {upstream.url}/nothing answered 404"
    )


def test_hello_world(shown: Callable[..., dict[str, Any]]) -> None:
    """It says hello."""
    assert shown("hello_world")["console_logs"] == ["Hello, World!"]


def test_process_array(shown: Callable[..., dict[str, Any]]) -> None:
    """It filters and maps into results.processed."""
    body = shown(
        "process_array", input={"items": [{"name": "a", "price": 10, "inStock": True}, {"name": "b", "inStock": False}]}
    )
    assert body["return_value"]["processed"] == [{"name": "A", "priceWithTax": 12}]


def test_loop_example(shown: Callable[..., dict[str, Any]]) -> None:
    """It sums up to 15."""
    body = shown("loop_example")
    assert ("Sum: 15" in body["console_logs"], body["return_value"]["sum"]) == (True, 15)


def test_error_handling(shown: Callable[..., dict[str, Any]]) -> None:
    """It catches a failure of JSON.parse and keeps its text."""
    value = shown("error_handling")["return_value"]
    assert (value["errorName"], "JSON" in value["error"]) == ("SyntaxError", True)


def test_conditional_logic(shown: Callable[..., dict[str, Any]]) -> None:
    """It gives a B."""
    body = shown("conditional_logic")
    assert ("Grade: B" in body["console_logs"], body["return_value"]["grade"]) == (True, "B")


def test_data_validation(shown: Callable[..., dict[str, Any]]) -> None:
    """It judges e-mail addresses and phone numbers, one by one."""
    value = shown("data_validation")["return_value"]
    assert [each["valid"] for each in value["emails"]] == [True, True, False, False]
    assert [each["valid"] for each in value["phones"]] == [True, True, False, False]


def test_data_aggregation(shown: Callable[..., dict[str, Any]]) -> None:
    """It gives total, average and count per product."""
    summary = shown("data_aggregation")["return_value"]["summary"]
    assert summary["Coffee"] == {"total": 11.25, "average": 3.75, "count": 3}


def test_object_manipulation(shown: Callable[..., dict[str, Any]]) -> None:
    """It changes a copy and leaves the original alone."""
    value = shown("object_manipulation")["return_value"]
    assert (value["updated"]["address"]["city"], value["originalCity"], "password" in value["updated"]) == (
        "Paris",
        "London",
        False,
    )


def test_string_operations(shown: Callable[..., dict[str, Any]]) -> None:
    """It makes a title and a slug."""
    value = shown("string_operations", input={"text": " hello big world "})["return_value"]
    assert (value["titleCase"], value["slug"], value["wordCount"]) == ("Hello Big World", "hello-big-world", 3)


def test_mathematical_operations(shown: Callable[..., dict[str, Any]]) -> None:
    """It prints sum, average and extremes."""
    assert "Sum: 28 Average: 4.67 Max: 9 Min: 1" in shown("mathematical_operations")["console_logs"]


@pytest.mark.parametrize("value", [None, {}, 5, "text", [], True])
@pytest.mark.parametrize("template_id", ["process_array", "data_validation", "string_operations"])
def test_a_template_takes_any_input(shown: Callable[..., dict[str, Any]], template_id: str, value: object) -> None:
    """An input that is not made for it does not break a template."""
    assert shown(template_id, input=value)["status"] == "success"
