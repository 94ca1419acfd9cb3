"""Six actions as workflows have them: input fields in, output fields out, by return and by callback."""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.actions import ActionsCaller, in_files, printed, result, settled
from tests.support.cli import cli

HOME = Path(__file__).parents[1] / "actions"
NAMES = sorted(path.parent.name for path in HOME.glob("*/config.json"))
BODY = '{"id":42,"email":"ada@example.com"}'

OUTPUTS: dict[str, list[Any]] = {
    "deal_total": [{"net": 54.06, "tax": 10.27, "total": 64.33, "is_large": False}],
    "full_name": [{"firstname": "Ludwig", "lastname": "van Beethoven"}],
    "lead_routing": [
        {"owner": "anna", "note": "contact 7 goes to anna"},
        {"owner": "anna", "note": "contact 7 goes to anna"},
        {"owner": "dan", "note": "contact 8 goes to dan"},
        {"owner": "dan", "note": "contact 8 goes to dan"},
    ],
    "phone_number": [{"phone": "+4930901820", "valid": True}, {"phone": None, "valid": False}],
    "renewal_date": [{"end": "2028-02-29", "call": "2028-02-15", "timestamp": 1_835_395_200_000}],
    "webhook_signature": [
        {"body": BODY, "signature": hmac.new(b"sesame", BODY.encode(), hashlib.sha256).hexdigest()},
    ],
}


def as_inline(name: str) -> Any:
    """The configuration of an example with its texts in it."""
    config = json.loads((HOME / name / "config.json").read_text())
    entry = config["action"]["entry"]
    config["action"] = {"language": "js", "entry": entry, "source": (HOME / entry).read_text()}
    config["fixtures"] = [{"name": path, "source": (HOME / path).read_text()} for path in config["fixtures"]]
    return config


def test_there_are_six() -> None:
    """And each has its outputs above."""
    assert list(OUTPUTS) == NAMES
    assert len(NAMES) == 6


@pytest.mark.parametrize("name", NAMES)
def test_an_example_runs(actions: ActionsCaller, name: str) -> None:
    """Its outputs are those above, its assertions and budgets hold."""
    answer = actions.execute(as_inline(name))
    assert (answer.status, result(answer.json)["failures"], result(answer.json)["ok"]) == (200, [], True)
    ends = [event["output_fields"] for event in answer.json["events"] if event["kind"] == "execution_completed"]
    assert ends == OUTPUTS[name]


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_valid_in_files(actions: ActionsCaller, name: str) -> None:
    """By its paths."""
    assert actions.validate(in_files(actions.root, as_inline(name))).json["errors"] == []


def test_what_an_example_prints(actions: ActionsCaller) -> None:
    """Its console's lines, by their stream."""
    report = actions.execute(as_inline("phone_number")).json
    assert (printed(report), printed(report, "stderr")) == ([], ["not a phone number: call me"])


def test_the_command_line_runs_them_all(tmp_path: Path) -> None:
    """`action test`: a line for each, in the order of their names; exit 0."""
    ended = cli("action", "test", str(HOME), "--actions-root", str(HOME), "--data-dir", str(tmp_path / "data"))
    lines = [json.loads(line) for line in ended.out.splitlines()]
    assert (ended.code, [(line["config"], line["ok"]) for line in lines]) == (
        0,
        [(f"{name}/config.json", True) for name in NAMES],
    )
    assert [line["summary"]["result"]["output_fields"] for line in lines] == [OUTPUTS[name][0] for name in NAMES]


# ------------------------------------------------------------------ docs/actions.md

DOCS = (HOME.parents[1] / "docs/actions.md").read_text()


def test_the_documented_request_gives_the_documented_answer(actions: ActionsCaller) -> None:
    """Apart from ids, times and measurements."""
    request = json.loads(DOCS.split("<<'JSON'\n")[1].split("\nJSON\n")[0])
    answer = json.loads(DOCS.split("```json\n")[1].split("```")[0])
    told = actions.daemon.request("POST", "/execute", token=actions.token, body=request)
    assert (told.status, settled(told.json)) == (200, settled(answer))


def test_the_documented_configuration_runs(tmp_path: Path) -> None:
    """By the documented commands."""
    (tmp_path / "config.json").write_text(DOCS.split("```json\n")[2].split("```")[0])
    root = ("--actions-root", str(HOME))
    assert cli("action", "validate", str(tmp_path / "config.json"), *root).code == 0
    ended = cli("action", "run", str(tmp_path / "config.json"), *root, "--data-dir", str(tmp_path / "data"))
    assert (ended.code, result(json.loads(ended.out))["output_fields"]) == (0, OUTPUTS["full_name"][0])
