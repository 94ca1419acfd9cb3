"""What comes out of an execution: console texts, output, results and returned values."""

from collections.abc import Callable

import pytest

from tests.support.daemon import Answer

Run = Callable[..., Answer]
MB = 1 << 20


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ("'Value:', 42", "Value: 42"),
        ("'Evens:', [2, 4]", "Evens: 2,4"),
        ("[]", ""),
        ("[null, undefined, 'a', true]", ",,a,true"),
        ("[[1], [2]]", "[ [ 1 ], [ 2 ] ]"),
        ("1, 1.5, -0, NaN, Infinity", "1 1.5 0 NaN Infinity"),
        ("true, null, undefined", "true null undefined"),
        ("10n", "10n"),
        ("Symbol('s')", "Symbol(s)"),
        ("", ""),
        ("'a\\nb'", "a\nb"),
        ("{ a: 1, b: { c: [1, { d: 2 }] } }", "{ a: 1, b: { c: [ 1, { d: 2 } ] } }"),
        ("{ a: { b: { c: { d: { e: 1 } } } } }", "{ a: { b: { c: { d: { e: 1 } } } } }"),
        ("{ a: { b: { c: { d: { e: { f: 1 } } } } } }", "{ a: { b: { c: { d: { e: [Object] } } } } }"),
        ("new Map([['k', 1]]), new Set([1])", "Map(1) { 'k' => 1 } Set(1) { 1 }"),
        ("new Error('bad')", "Error: bad"),
        ("new TypeError('bad')", "TypeError: bad"),
        ("() => 1", "[Function (anonymous)]"),
        ("class A {}", "[class A]"),
        ("new Date(0)", "1970-01-01T00:00:00.000Z"),
        ("new (class P { x = 1 })()", "P { x: 1 }"),
        ("'%s is %d', 'x', 42, 'more'", "x is 42 more"),
        ("'%i %f %% %j', 1.9, '1.5', { a: 1 }", '1 1.5 % {"a":1}'),
        ("'%o'.length", "2"),
        ("'%c styled', 'color: red'", " styled"),
        ("'100%', 5", "100% 5"),
        ("5, '%s', 'x'", "5 %s x"),
        ("'%s'", "%s"),
    ],
)
def test_console_text(run: Run, arguments: str, text: str) -> None:
    """Each kind of argument is shown as the contract says."""
    assert run(f"console.log({arguments})").json["console_logs"] == [text]


@pytest.mark.parametrize("level", ["log", "info", "warn", "error", "debug"])
def test_levels_leave_no_prefix(run: Run, level: str) -> None:
    """All levels print, and look alike."""
    assert run(f"console.{level}('text', 1)").json["console_logs"] == ["text 1"]


def test_calls_stand_in_order(run: Run) -> None:
    """One entry a call, in the order of the calls, joined by newlines in the output."""
    body = run("for (let i = 0; i < 5; i++) console[['log', 'error'][i % 2]](i); console.log('')").json
    assert body["console_logs"] == ["0", "1", "2", "3", "4", ""]
    assert body["output"] == "0\n1\n2\n3\n4\n"


@pytest.mark.parametrize(
    "end", ["throw new Error('x')", "await new Promise(() => {})", "const a = []; for (;;) a.push(a.slice())"]
)
def test_lines_are_kept_whatever_the_end(run: Run, end: str) -> None:
    """What was printed before a failure is there."""
    assert run(f"console.log('kept'); {end}", timeout_ms=1000).json["console_logs"] == ["kept"]


def test_hostile_values_survive(run: Run) -> None:
    """Throwing getters, throwing and revoked proxies are shown, or said not to be, and the code goes on."""
    body = run(
        """
        console.log({ get a() { throw 1 } });
        console.log(new Proxy({}, { ownKeys() { throw 1 }, get() { throw 2 } }));
        const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); console.log(proxy);
        console.log({ [Symbol.for('nodejs.util.inspect.custom')]() { throw 3 } });
        console.log('end');
        """
    ).json
    assert (body["status"], len(body["console_logs"]), body["console_logs"][-1]) == ("success", 5, "end")


def test_a_deep_array_is_on_one_line(run: Run) -> None:
    """Objects that Node would print on many lines are printed on one, with 100 items."""
    (line,) = run("console.log({ list: Array.from({ length: 150 }, (_, i) => ({ i })) })").json["console_logs"]
    assert ("\n" in line, "50 more items" in line) == (False, True)


# ------------------------------------------------------------------ limits of the output


def test_output_of_exactly_1_mb_is_whole(run: Run) -> None:
    """1,048,576 bytes, newlines between the lines included, are allowed."""
    body = run(f"console.log('x'.repeat({MB - 5})); console.log('abcd')").json
    assert (len(body["output"]), "output_truncated" in body, len(body["console_logs"])) == (MB, False, 2)


@pytest.mark.parametrize("second", ["'abcde'", "'abcd'); console.log('"])
def test_one_byte_more_is_cut(run: Run, second: str) -> None:
    """What is past 1 MB is dropped, and said to be; the code goes on."""
    if second.startswith("'abcd')"):
        second += "'"
    body = run(f"console.log('x'.repeat({MB - 5})); console.log({second}); results.done = true").json
    assert (len(body["output"]), body["output_truncated"], body["status"]) == (MB, True, "success")
    assert body["return_value"] == {"done": True}


def test_output_is_counted_in_bytes(run: Run) -> None:
    """The limit is in bytes of UTF-8, and the cut leaves whole characters."""
    body = run("for (let i = 0; i < 20; i++) console.log('€'.repeat(50000))").json
    size = len(body["output"].encode())
    assert (body["output_truncated"], MB - 3 < size <= MB, "\ufffd" in body["output"]) == (True, True, False)


def test_a_flood_is_cut(run: Run) -> None:
    """An endless flood of lines ends in the timeout with 1 MB kept."""
    body = run("for (;;) console.log('x'.repeat(1000))", timeout_ms=1000).json
    assert (body["status"], body["output_truncated"], len(body["output"]) <= MB) == ("timeout", True, True)


def test_results_of_1_mb_are_whole(run: Run) -> None:
    """A result whose JSON has 1,048,576 bytes is allowed."""
    body = run(f"results.a = 'x'.repeat({MB - 8})").json
    assert (body["status"], len(body["return_value"]["a"])) == ("success", MB - 8)


@pytest.mark.parametrize("code", ["results.a = 'x'.repeat({n})", "return {{ a: 'x'.repeat({n}) }}"])
def test_larger_results_are_an_error(run: Run, code: str) -> None:
    """One byte more has the exact text, and what was printed is there."""
    body = run("console.log('kept'); " + code.format(n=MB - 7)).json
    assert (body["status"], body["error"]) == ("error", "Output exceeds maximum size (1 MB)")
    assert (body["return_value"], body["console_logs"]) == (None, ["kept"])


def test_a_deep_result_is_an_error(run: Run) -> None:
    """A result deeper than the profile's 256 levels is told, not passed on."""
    body = run("let a = 1; for (let i = 0; i < 300; i++) a = [a]; return a").json
    assert (body["status"], "256" in body["error"]) == ("error", True)


# ------------------------------------------------------------------ results and returned values


@pytest.mark.parametrize(
    ("code", "value", "returned"),
    [
        ("", {}, None),
        ("results.a = 1", {"a": 1}, None),
        ("return 5", 5, None),
        ("return null", None, None),
        ("return undefined", {}, None),
        ("return { a: 1 }", {"a": 1}, None),
        ("results.a = 1; return 5", {"a": 1}, [5]),
        ("results.a = 1; return null", {"a": 1}, [None]),
        ("results.a = 1; return undefined", {"a": 1}, None),
        ("results.a = 1; return results", {"a": 1}, [{"a": 1}]),
        ("results = [1]", [1], None),
        ("results = [1]; return 2", [1], [2]),
        ("globalThis.results = 'x'", "x", None),
        ("delete globalThis.results; return 3", 3, None),
        ("const results = { own: 1 }; return 4", 4, None),
        ("results.a = undefined; results.f = () => 1", {}, None),
        ("return [undefined, () => 1, NaN, Infinity, -0]", [None, None, None, None, 0], None),
        ("return new Date(0)", "1970-01-01T00:00:00.000Z", None),
        ("return { toJSON() { return { b: 2 } } }", {"b": 2}, None),
        ("return new Map([[1, 2]])", {}, None),
        ("results['__proto__x'] = 1; return", {"__proto__x": 1}, None),
        ('return JSON.parse(\'{"__proto__": {"a": 1}}\')', {"__proto__": {"a": 1}}, None),
        ("return '\\ud800'", "\ufffd", None),
        ("return 'é\\u0000\\u2028😀'", "é\u0000\u2028😀", None),
        ("return async () => 1", None, None),
        ("return 12345678901234567890", 12345678901234567000, None),
    ],
)
def test_what_is_the_return_value(run: Run, code: str, value: object, returned: list[object] | None) -> None:
    """`results` when it was touched, else what was returned; the other one stands beside it."""
    body = run(code or ";").json
    assert (body["status"], body["return_value"]) == ("success", value)
    assert [body["returned"]] == returned if returned is not None else "returned" not in body


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("const a = {}; a.a = a; return a", "TypeError: "),
        ("results.self = results", "TypeError: "),
        ("return 1n", "TypeError: "),
        ("results.n = { a: [1n] }", "TypeError: "),
        ("return { get a() { throw new RangeError('mine') } }", "RangeError: mine"),
        ("return { toJSON() { throw new Error('json') } }", "Error: json"),
    ],
)
def test_what_has_no_json_is_an_error(run: Run, code: str, name: str) -> None:
    """A cycle, a BigInt and a throwing getter are errors of the code."""
    body = run(code).json
    assert (body["status"], body["error"][: len(name)], body["return_value"]) == ("error", name, None)


def test_getters_of_a_result_run_under_the_clock(run: Run) -> None:
    """A getter without end in a result is a timeout like any other."""
    assert run("return { get a() { for (;;) {} } }", timeout_ms=1000).json["status"] == "timeout"
