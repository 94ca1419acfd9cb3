"""POST /validate: the rules, their order, and what is not a finding."""

from collections.abc import Callable

import pytest

from tests.support.daemon import BASE, Answer, Daemon
from tests.support.stored import executions

Check = Callable[..., Answer]
TOO_LONG = "Code exceeds maximum length (10 KB)"
NAMES = [
    "require",
    "eval",
    "Function",
    "process",
    "child_process",
    "fs",
    "module",
    "exports",
    "__dirname",
    "__filename",
    "global",
]


def error_of(answer: Answer) -> str | None:
    body = answer.json
    assert answer.status == 200
    assert body["valid"] is (body["error"] is None)
    return body["error"]


def test_valid_code_has_the_seed_s_body(check: Check) -> None:
    """The answer for valid code has the documented fields and no other."""
    answer = check("console.log('Hello, World!');")
    assert (answer.status, answer.json) == (200, {"valid": True, "error": None})


def test_invalid_code_has_the_seed_s_body_and_a_place(check: Check) -> None:
    """The answer for invalid code has the documented fields, and the place beside them."""
    answer = check("const a = 1;\n  if (a) {")
    assert (answer.status, answer.json) == (200, {"valid": False, "error": "Unmatched curly braces", "line": 2, "column": 10})


def test_a_finding_without_a_place_says_so(check: Check) -> None:
    """Line and column are null when there is no place."""
    assert check("").json == {"valid": False, "error": "Code cannot be empty", "line": None, "column": None}


@pytest.mark.parametrize("code", ["", " ", "\n\t\r\n", "\u00a0\ufeff\u2028\u2029\u3000"])
def test_rule_1_empty_code(check: Check, code: str) -> None:
    """Nothing but white space, in JavaScript's sense of it, is empty."""
    assert error_of(check(code)) == "Code cannot be empty"


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("//" + "x" * 10_238, None),
        ("//" + "x" * 10_239, TOO_LONG),
        ("//" + "é" * 5119, None),
        ("//" + "é" * 5119 + "x", TOO_LONG),
        ("//" + "\U0001f600" * 2560, TOO_LONG),
    ],
    ids=["10240", "10241", "10240 in twos", "10241 in twos", "10242 in fours"],
)
def test_rule_2_length_in_bytes(check: Check, code: str, error: str | None) -> None:
    """10,240 bytes of UTF-8 are allowed, one more is not, however few characters they are."""
    assert error_of(check(code)) == error


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("if (1) {", "Unmatched curly braces"),
        ("}", "Unmatched curly braces"),
        ("[1, 2", "Unmatched square brackets"),
        ("a = 1]", "Unmatched square brackets"),
        ("f(1", "Unmatched parentheses"),
        ("f(1))", "Unmatched parentheses"),
        ("f([{", "Unmatched curly braces"),
        ("f([1", "Unmatched square brackets"),
        (")]}", "Unmatched curly braces"),
        ("}); x(); (async () => {", "Unmatched curly braces"),
    ],
)
def test_rule_3_brackets(check: Check, code: str, error: str) -> None:
    """Curly, then square, then round: the first kind that closes before it opens or stays open."""
    assert error_of(check(code)) == error


@pytest.mark.parametrize("code", ["'{'; '['; '('", "`}${'}'}`", "/[(){}\\]]/", "// ({[\n1", "/* ({[ */ 1"])
def test_rule_3_sees_no_brackets_in_texts(check: Check, code: str) -> None:
    """Brackets in strings, templates, regular expressions and comments do not count."""
    assert error_of(check(code)) is None


@pytest.mark.parametrize("code", ["const x = {invalid: };", "let a; let a", "return return", "a b", "'open"])
def test_rule_4_other_syntax_errors(check: Check, code: str) -> None:
    """Whatever else V8 does not parse is told in its words."""
    assert (error_of(check(code)) or "").startswith("SyntaxError: ")


def test_rule_4_has_a_place(check: Check) -> None:
    """A syntax error stands where the user wrote it."""
    body = check("const a = 1;\nconst a = 2;").json
    assert (body["line"], body["column"]) == (2, 7)


@pytest.mark.parametrize("name", NAMES)
def test_rule_5_names_every_forbidden_identifier(check: Check, name: str) -> None:
    """A free identifier of the list is a finding with its name and place."""
    body = check(f"const a = 1;\na + {name};").json
    assert body == {"valid": False, "error": f"Dangerous pattern detected: {name}", "line": 2, "column": 5}


@pytest.mark.parametrize(
    "code", ["import fs from 'fs'", "import 'x'", "await import('fs')", "import.meta.url", "import * as a from 'a'; ok()"]
)
def test_rule_5_import_in_every_form(check: Check, code: str) -> None:
    """`import` is dangerous as a declaration, a call and a meta property, also where V8 refuses it."""
    assert error_of(check(code)) == "Dangerous pattern detected: import"


@pytest.mark.parametrize(
    "code",
    [
        "const process = 1; process",
        "function f(require) { return require }",
        "a => a.process",
        "({ eval: 1, module: 2 }).exports",
        "'require'; `eval`; /process/",
        "const f = function (x) {}; f()",
        "const diffs = []; diffs.map(a => a)",
        "function evaluate() {} evaluate()",
        "class A { module() {} }",
        "// process\n1",
        "const { fs } = input; fs",
    ],
)
def test_rule_5_finds_nothing_innocent(check: Check, code: str) -> None:
    """Locals, properties, strings and longer words are not findings."""
    assert error_of(check(code)) is None


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("{" * 10_241, TOO_LONG),
        (" " * 10_241, "Code cannot be empty"),
        ("process.exit(", "Unmatched parentheses"),
        ("import x from 'y'; {", "Unmatched curly braces"),
        ("import x from 'y'; a b", "Dangerous pattern detected: import"),
        ("process.exit(); a b", "SyntaxError: "),
        ("eval(process)", "Dangerous pattern detected: eval"),
    ],
)
def test_the_first_rule_wins(check: Check, code: str, error: str) -> None:
    """Of several findings the one of the earlier rule is told, and of one rule the first in the text."""
    assert (error_of(check(code)) or "").startswith(error)


@pytest.mark.parametrize("code", ["with ({}) {}", "010", "arguments", "return 1", "await 1", "undeclared = 1", "var let = 1"])
def test_the_body_is_that_of_a_sloppy_async_function(check: Check, code: str) -> None:
    """Sloppy code, top-level return and await are valid."""
    assert error_of(check(code)) is None


def test_use_strict_is_obeyed(check: Check) -> None:
    """A body that asks for strict mode gets it."""
    assert (error_of(check("'use strict'; with ({}) {}")) or "").startswith("SyntaxError: ")


def test_typescript_is_valid_when_it_is_announced(check: Check) -> None:
    """Types are erased when the request says that the code has some."""
    code = "const a: number = 1; interface B { c: string } return a as number"
    assert error_of(check(code, language="typescript")) is None


def test_typescript_is_invalid_when_it_is_not_announced(check: Check) -> None:
    """In JavaScript a type is a syntax error."""
    assert (error_of(check("const a: number = 1")) or "").startswith("SyntaxError: ")


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("const a: number = {", "Unmatched curly braces"),
        ("const a: any = process", "Dangerous pattern detected: process"),
        ("import type { A } from 'a'", "Dangerous pattern detected: import"),
        ("", "Code cannot be empty"),
    ],
)
def test_typescript_has_the_same_rules(check: Check, code: str, error: str) -> None:
    """The rules hold for what is left when the types are gone."""
    assert error_of(check(code, language="typescript")) == error


def test_what_typescript_cannot_erase_is_named(check: Check) -> None:
    """An enum is code, not a type; the answer says what is not supported."""
    assert "enum" in (error_of(check("enum A { B }", language="typescript")) or "")


def test_nothing_is_executed(daemon: Daemon, token: str) -> None:
    """An endless loop is valid at once, and no execution is recorded."""
    before = len(executions(daemon.data_dir, "caller"))
    assert error_of(daemon.validate(token, "for (;;) {}")) is None
    assert len(executions(daemon.data_dir, "caller")) == before


@pytest.mark.parametrize("code", ["(" * 5000 + ")" * 5000, "{" * 5000 + "}" * 5000, "!" * 10_000 + "1", "`${" * 2000 + "1"])
def test_hostile_nesting_is_a_verdict(check: Check, code: str) -> None:
    """Code that is nested beyond every parser's depth gets an answer of the usual form, not a failure of ours."""
    error_of(check(code))


def test_a_verdict_tells_no_path(daemon: Daemon, token: str) -> None:
    """No text of a finding names a file of the machine."""
    for code, language in (("a b", "javascript"), ("enum A {}", "typescript"), ("const a: = 1", "typescript")):
        body = daemon.request("POST", f"{BASE}/validate", token=token, body={"code": code, "language": language}).body
        assert b"/" not in body
