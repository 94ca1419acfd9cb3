"""What is wrong with an action: each code, by HTTP and by the command line, with the same words in the same order."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandboxd.executions.actions.codes import Code
from tests.support.actions import HELLO, ActionsCaller, Config, codes, in_files, inline
from tests.support.cli import cli

ENTRY = "actions/action.js"


def changed(config: Config, **more: Any) -> Config:
    """The configuration with keys replaced; a key of the action as `action__entry`, None takes it away."""
    config = config | {"action": dict(config["action"])}
    for key, value in more.items():
        table, _, inner = key.partition("__")
        target, name = (config[table], inner) if inner else (config, table)
        target[name] = value
        if value is None:
            del target[name]
    return config


def fixture(source: str, name: str = "a.json") -> list[dict[str, str]]:
    """One inline fixture."""
    return [{"name": name, "source": source}]


INLINE: list[tuple[Config, list[tuple[str, str]]]] = [
    (inline(""), [("ACTION_SOURCE_EMPTY", "Action source is empty")]),
    (inline(" \n\t\u3000"), [("ACTION_SOURCE_EMPTY", "Action source is empty")]),
    (changed(inline(), action__source=None), [("ACTION_SOURCE_EMPTY", "Action source is empty")]),
    (
        changed(inline(), action__language="python"),
        [("ACTION_UNSUPPORTED_TYPE", "Action type: 'python' is not supported; this daemon runs JavaScript (js)")],
    ),
    (
        changed(inline(), action__language=None),
        [("ACTION_UNSUPPORTED_TYPE", "Action type: the language is missing; this daemon runs JavaScript (js)")],
    ),
    (changed(inline(), fixtures=[]), [("FIXTURES_EMPTY", "There is no fixture: an action runs once for each")]),
    (changed(inline(), fixtures=None), [("FIXTURES_EMPTY", "There is no fixture: an action runs once for each")]),
    (inline() | {"fixtures": fixture("1", " ")}, [("FIXTURE_NAME_EMPTY", "Fixture 1 has no name")]),
    (inline() | {"fixtures": [{"source": "1"}]}, [("FIXTURE_NAME_EMPTY", "Fixture 1 has no name")]),
    (
        inline() | {"fixtures": fixture("1", "n" * 1025)},
        [("FIXTURE_NAME_TOO_LONG", "Fixture 1 has a name of more than 1024 characters")],
    ),
    (inline() | {"fixtures": fixture(" ")}, [("FIXTURE_EMPTY", "Fixture 1 is empty: a.json")]),
    (inline() | {"fixtures": [{"name": "a.json"}]}, [("FIXTURE_EMPTY", "Fixture 1 is empty: a.json")]),
    (
        inline() | {"fixtures": fixture("{'a': 1}")},
        [
            (
                "FIXTURE_INVALID_JSON",
                "",
            )
        ],
    ),
    (
        inline() | {"fixtures": fixture("[" * 257 + "]" * 257)},
        [("FIXTURE_INVALID_JSON", "Fixture 1 is not valid JSON: a.json: nested deeper than 256 levels")],
    ),
    (
        inline() | {"fixtures": fixture("[" * 90_000 + "]" * 90_000)},
        [("FIXTURE_INVALID_JSON", "Fixture 1 is not valid JSON: a.json: nested deeper than 256 levels")],
    ),
    (inline(repeat=0), [("REPEAT_INVALID", "repeat must be a whole number from 1 on, not 0")]),
    (inline(repeat=-1), [("REPEAT_INVALID", "repeat must be a whole number from 1 on, not -1")]),
    (inline(repeat=1.5), [("REPEAT_INVALID", "repeat must be a whole number from 1 on, not 1.5")]),
    (inline(repeat="2"), [("REPEAT_INVALID", 'repeat must be a whole number from 1 on, not "2"')]),
    (inline(repeat=True), [("REPEAT_INVALID", "repeat must be a whole number from 1 on, not true")]),
    (
        inline(HELLO, "1", "2", repeat=51),
        [
            (
                "REPEAT_INVALID",
                "2 fixtures × repeat 51 are more than 100 executions, the limit of a request (actions.executions)",
            )
        ],
    ),
    (inline(repeat=10**400), [("REPEAT_INVALID", "")]),
    (inline() | {"version": 2}, [("VERSION_UNSUPPORTED", "version 2 is not supported; this daemon knows version 1")]),
    (inline() | {"version": True}, [("VERSION_UNSUPPORTED", "version true is not supported; this daemon knows version 1")]),
    (changed(inline(), version=None), [("VERSION_UNSUPPORTED", "version is missing; this daemon knows version 1")]),
    (changed(inline(), action__entry="../a.js"), [("PATH_ESCAPE", "Action entry leaves the actions root: ../a.js")]),
    (changed(inline(), action__entry="/etc/passwd"), [("PATH_ESCAPE", "Action entry leaves the actions root: /etc/passwd")]),
    (inline() | {"fixtures": fixture("1", "a/../../b")}, [("PATH_ESCAPE", "Fixture leaves the actions root: a/../../b")]),
    (
        inline("exports.main = (a => {\n"),
        [("ACTION_SYNTAX_ERROR", "SyntaxError: Unexpected end of input (line 2)")],
    ),
    (
        inline("exports.main = () => {\n  return 1 +* 2;\n}"),
        [("ACTION_SYNTAX_ERROR", "SyntaxError: Unexpected token '*' (line 2, column 13)")],
    ),
    (
        inline("import axios from 'axios';\nexport const main = () => axios;"),
        [("ACTION_SYNTAX_ERROR", "TypeError: Cannot import 'axios': modules are off (line 1)")],
    ),
    (
        inline(budgets={"duration_ms": 0}),
        [("BUDGET_DURATION_INVALID", "budgets.duration_ms must be a number above 0, not 0")],
    ),
    (
        inline(budgets={"memory_mb": "64"}),
        [("BUDGET_MEMORY_INVALID", 'budgets.memory_mb must be a number above 0, not "64"')],
    ),
    (
        inline(assertions={"output.a": {"exists": True}}),
        [("ASSERTION_INVALID", "assertions: output.a: a path begins with one of ok, output_fields, return_value")],
    ),
    (
        inline(assertions={"ok": {}}),
        [("ASSERTION_INVALID", "assertions: ok: says nothing; expected one of eq, gt, lt, exists, regex")],
    ),
    (
        inline(assertions={"output_fields.a": {"regex": "(?=a)"}}),
        [("ASSERTION_INVALID", "assertions: output_fields.a: regex: invalid perl operator: (?=")],
    ),
    (
        inline(assertions={f"output_fields.{n}": {"eq": n} for n in range(101)}),
        [("ASSERTION_INVALID", "assertions: all: there are 101, and 100 is the limit")],
    ),
]

EVERYTHING = {
    "version": 7,
    "action": {"language": "python", "entry": "/a.py", "source": " "},
    "fixtures": [{"name": "", "source": ""}, {"name": "../b", "source": "{"}, {"name": "c", "source": "nul"}],
    "budgets": {"memory_mb": -1, "duration_ms": None},
    "assertions": {"x": {"eq": 1}},
    "repeat": 0,
}
EVERYTHING_CODES = [
    "ACTION_SOURCE_EMPTY",
    "ACTION_UNSUPPORTED_TYPE",
    "FIXTURE_NAME_EMPTY",
    "FIXTURE_EMPTY",
    "FIXTURE_INVALID_JSON",
    "FIXTURE_INVALID_JSON",
    "BUDGET_DURATION_INVALID",
    "BUDGET_MEMORY_INVALID",
    "ASSERTION_INVALID",
    "REPEAT_INVALID",
    "VERSION_UNSUPPORTED",
    "PATH_ESCAPE",
    "PATH_ESCAPE",
]


@pytest.fixture(scope="module")
def files(actions: ActionsCaller) -> Config:
    """A valid configuration of paths, and around its files what is not one."""
    root = actions.root
    config = in_files(root, inline())
    (root / "empty.js").write_text("\n")
    (root / "wrong.js").write_text("exports.main = (\n")
    (root / "latin.js").write_bytes(b"// \xff")
    (root / "long.js").write_text("//" + "x" * (1 << 20))
    (root / "folder").mkdir()
    (root / "empty.json").write_text("")
    (root / "wrong.json").write_text("{]")
    (root / "latin.json").write_bytes(b'"\xff"')
    (root / "long.json").write_text(json.dumps("x" * (1 << 20)))
    return config


FILES: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({}, []),
    ({"action__entry": None}, [("ACTION_MISSING", "action.entry is missing")]),
    ({"action__entry": " "}, [("ACTION_MISSING", "action.entry is missing")]),
    ({"action": {}}, [("ACTION_MISSING", ""), ("ACTION_UNSUPPORTED_TYPE", "")]),
    ({"action__entry": "nope.js"}, [("ACTION_NOT_FOUND", "Action entry does not exist: nope.js")]),
    ({"action__entry": "actions/action.js/x"}, [("ACTION_NOT_FOUND", "Action entry does not exist: actions/action.js/x")]),
    ({"action__entry": "n" * 300}, [("ACTION_NOT_FOUND", "")]),
    ({"action__entry": "a\0b"}, [("ACTION_NOT_FOUND", "")]),
    ({"action__entry": "folder"}, [("ACTION_NOT_FILE", "Action entry is not a file: folder")]),
    ({"action__entry": "."}, [("ACTION_NOT_FILE", "Action entry is not a file: .")]),
    ({"action__entry": "latin.js"}, [("ACTION_NOT_FILE", "Action entry is not UTF-8: latin.js")]),
    ({"action__entry": "long.js"}, [("ACTION_NOT_FILE", "Action entry is longer than 1048576 bytes: long.js")]),
    ({"action__entry": "empty.js"}, [("ACTION_SOURCE_EMPTY", "Action source is empty")]),
    ({"action__entry": "wrong.js"}, [("ACTION_SYNTAX_ERROR", "SyntaxError: Unexpected end of input (line 2)")]),
    ({"action__type": "python"}, [("ACTION_UNSUPPORTED_TYPE", "")]),
    ({"fixtures": []}, [("FIXTURES_EMPTY", "There is no fixture: an action runs once for each")]),
    ({"fixtures": [""]}, [("FIXTURE_NAME_EMPTY", "Fixture 1 has no name")]),
    ({"fixtures": ["nope.json"]}, [("FIXTURE_NOT_FOUND", "Fixture does not exist: nope.json")]),
    ({"fixtures": ["folder"]}, [("FIXTURE_READ_FAILED", "Fixture is not a file: folder")]),
    ({"fixtures": ["latin.json"]}, [("FIXTURE_READ_FAILED", "Fixture is not UTF-8: latin.json")]),
    ({"fixtures": ["long.json"]}, [("FIXTURE_READ_FAILED", "Fixture is longer than 1048576 bytes: long.json")]),
    ({"fixtures": ["empty.json"]}, [("FIXTURE_EMPTY", "Fixture 1 is empty: empty.json")]),
    ({"fixtures": ["wrong.json"]}, [("FIXTURE_INVALID_JSON", "")]),
    ({"fixtures": ["./fixtures//event1.json"]}, []),
    ({"runtime": {"node": "node", "python": "python"}}, []),
    ({"runtime": {"python": "python"}}, [("RUNTIME_NODE_MISSING", "runtime.node is missing")]),
    ({"runtime": {"node": " "}}, [("RUNTIME_NODE_MISSING", "runtime.node is missing")]),
    (
        {"runtime": {"node": "node"}, "action__type": "python"},
        [("ACTION_UNSUPPORTED_TYPE", ""), ("RUNTIME_PYTHON_MISSING", "runtime.python is missing")],
    ),
    ({"budgets": {"duration_ms": -5}}, [("BUDGET_DURATION_INVALID", "")]),
    ({"budgets": {"memory_mb": 0}}, [("BUDGET_MEMORY_INVALID", "")]),
    ({"repeat": 0, "version": 3}, [("REPEAT_INVALID", ""), ("VERSION_UNSUPPORTED", "")]),
    ({"fixtures": ["nope.json"] * 101}, [("REPEAT_INVALID", "")]),
    (
        {"action__entry": "../x", "fixtures": ["/x"]},
        [
            ("PATH_ESCAPE", "Action entry leaves the actions root: ../x"),
            ("PATH_ESCAPE", "Fixture leaves the actions root: /x"),
        ],
    ),
]


def told(errors: list[dict[str, str]], expected: list[tuple[str, str]]) -> None:
    """Asserts codes, and messages where they are given."""
    assert codes(errors) == [code for code, _ in expected]
    assert [error["message"] for error, (_, text) in zip(errors, expected, strict=True) if text] == [
        t for _, t in expected if t
    ]


@pytest.mark.parametrize(("config", "expected"), INLINE, ids=[f"{n}-{each[1][0][0]}" for n, each in enumerate(INLINE)])
def test_an_inline_finding(actions: ActionsCaller, config: Config, expected: list[tuple[str, str]]) -> None:
    """Its code and its words."""
    told(actions.execute(config, mode="validate").json["errors"], expected)


@pytest.mark.parametrize(
    ("changes", "expected"), FILES, ids=[f"{n}-{(each[1] or [['valid']])[0][0]}" for n, each in enumerate(FILES)]
)
def test_a_finding_in_files(
    actions: ActionsCaller, files: Config, changes: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    """200, `valid` false, its code and its words; nothing is said of the folders of the machine."""
    answer = actions.validate(changed(files, **changes))
    assert (answer.status, list(answer.json)) == (200, ["execution_id", "valid", "errors", "mode"])
    assert (answer.json["mode"], answer.json["valid"], str(actions.root).encode() in answer.body) == (
        "validate",
        not expected,
        False,
    )
    told(answer.json["errors"], expected)


def test_every_code_is_reached() -> None:
    """By one of the tables above."""
    reached = {code for _, expected in (*INLINE, *FILES) for code, _ in expected}
    assert reached == {code.value for code in Code}


def test_all_findings_are_told_in_a_fixed_order(actions: ActionsCaller) -> None:
    """By their codes, and within one by their place; the same on every call."""
    answers = [actions.execute(EVERYTHING).json["errors"] for _ in range(3)]
    assert codes(answers[0]) == EVERYTHING_CODES
    assert answers[0] == answers[1] == answers[2]
    assert [error["message"] for error in answers[0] if error["code"] == "PATH_ESCAPE"] == [
        "Action entry leaves the actions root: /a.py",
        "Fixture leaves the actions root: ../b",
    ]


def test_a_wrong_program_does_not_hide_wrong_fixtures(actions: ActionsCaller) -> None:
    """The syntax is looked at whatever else is wrong."""
    errors = actions.execute(inline("exports.main = (", "{") | {"version": 2}).json["errors"]
    assert codes(errors) == ["FIXTURE_INVALID_JSON", "VERSION_UNSUPPORTED", "ACTION_SYNTAX_ERROR"]


def test_the_command_line_finds_the_same(actions: ActionsCaller, files: Config, tmp_path: Path) -> None:
    """Every configuration above, by `action test`: the same findings, word by word, in the same order."""
    configs = {f"{n:03}": config for n, (config, _) in enumerate([*INLINE, (EVERYTHING, [])])}
    by_http = {name: actions.execute(config, mode="validate").json["errors"] for name, config in configs.items()}
    for n, (changes, expected) in enumerate(FILES, 500):
        if expected:
            configs[f"{n}"] = changed(files, **changes)
            by_http[f"{n}"] = actions.validate(configs[f"{n}"]).json["errors"]
    for name, config in configs.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(config))
    assert dict(by_cli(tmp_path, actions.root)) == by_http


def by_cli(folder: Path, root: Path) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """What `action test` finds in each configuration of a folder."""
    ended = cli("action", "test", str(folder), "--actions-root", str(root))
    assert (ended.code, ended.err) == (1, "")
    for line in map(json.loads, ended.out.splitlines()):
        yield line["config"].removesuffix(".json"), line["errors"]


@pytest.mark.parametrize("command", ["validate", "run"])
def test_the_command_line_tells_them_and_fails(actions: ActionsCaller, files: Config, command: str) -> None:
    """Exit code 1, of both kinds of configuration."""
    for config in (EVERYTHING, files | {"repeat": 0, "version": 0}):
        ended = actions.cli(command, config)
        assert (ended.code, ended.err, len(json.loads(ended.out)["errors"]) > 1) == (1, "", True)


def test_valid_is_said_too(actions: ActionsCaller, files: Config) -> None:
    """No findings: `valid` is true and the list is empty."""
    answer = actions.validate(files)
    assert (answer.json["valid"], answer.json["errors"]) == (True, [])
