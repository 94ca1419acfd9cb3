"""Actions, sent to a daemon or given to the command line, and what both say, without what differs from call to call."""

import json
from pathlib import Path
from typing import Any

from tests.support.cli import Ended, cli
from tests.support.daemon import Answer, Daemon

Config = dict[str, Any]
HELLO = "exports.main = async (event) => ({ outputFields: { hello: event.inputFields.name } });"
EVENT = '{"inputFields": {"name": "Ada"}}'


def inline(source: str = HELLO, *fixtures: str, **more: Any) -> Config:
    """A configuration with its texts in it. Fixtures are JSON texts, named event1.json and so on."""
    named = [{"name": f"fixtures/event{n}.json", "source": text} for n, text in enumerate(fixtures or (EVENT,), 1)]
    action = {"language": "js", "entry": "actions/action.js", "source": source}
    return {"version": 1, "action": action, "fixtures": named, **more}


def in_files(root: Path, config: Config) -> Config:
    """The same with its texts in files below `root`, where their names say."""
    action = config["action"]
    for name, text in ((action["entry"], action["source"]), *((each["name"], each["source"]) for each in config["fixtures"])):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    names = [each["name"] for each in config["fixtures"]]
    return config | {"action": {"type": action["language"], "entry": action["entry"]}, "fixtures": names}


class ActionsCaller:
    """A caller of a daemon's actions door. `root` is where the daemon reads files."""

    def __init__(self, daemon: Daemon, token: str, root: Path) -> None:
        self.daemon, self.token, self.root = daemon, token, root

    def execute(self, config: Any, **more: Any) -> Answer:
        """POST /execute."""
        return self.daemon.request("POST", "/execute", token=self.token, body={"config": config, **more})

    def validate(self, config: Any) -> Answer:
        """POST /validate."""
        return self.daemon.request("POST", "/validate", token=self.token, body=config)

    def run(self, source: str, *fixtures: str, **more: Any) -> Any:
        """The report of an inline action that is valid."""
        answer = self.execute(inline(source, *fixtures, **more))
        assert answer.status == 200, answer.body
        return answer.json

    def cli(self, command: str, config: Any, *more: str) -> Ended:
        """The same configuration by the command line."""
        given = json.dumps(config).encode()
        return cli("action", command, "-", "--actions-root", str(self.root), *more, given=given)


def result(report: Any) -> Any:
    """The result in a report."""
    return report["summary"]["result"]


def kinds(report: Any) -> list[str]:
    """The kinds of its events."""
    return [event["kind"] for event in report["events"]]


def printed(report: Any, kind: str = "stdout") -> list[str]:
    """What it printed."""
    return [event["data"] for event in report["events"] if event["kind"] == kind]


def failures(report: Any) -> list[tuple[str, str]]:
    """Types and messages of its failures."""
    return [(failed["error"]["type"], failed["error"]["message"]) for failed in result(report)["failures"]]


def codes(errors: list[dict[str, str]]) -> list[str]:
    """The codes of findings."""
    return [error["code"] for error in errors]


_MEASURED = {"timestamp", "execution_id", "duration_ms", "memory_kb", "max_duration_ms", "max_memory_kb"}


def settled(value: Any) -> Any:
    """A report without ids, times and measurements."""
    if isinstance(value, dict):
        return {key: settled(each) for key, each in value.items() if key not in _MEASURED}
    return [settled(each) for each in value] if isinstance(value, list) else value
