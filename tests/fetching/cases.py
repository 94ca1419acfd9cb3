"""The cases of the oracle: bodies of async functions that fetch and return JSON, after prelude.js."""

import re
from pathlib import Path
from typing import Any, Final, NamedTuple

HERE: Final = Path(__file__).parent
ORACLE: Final = HERE / "oracle.js"
PRELUDE: Final = (HERE / "prelude.js").read_text()


def _read(path: Path) -> dict[str, str]:
    """The cases of a file: each begins with its name behind three slashes."""
    parts = re.split(r"^/// (.+)\n", path.read_text(), flags=re.MULTILINE)
    assert parts[0] == ""
    return {f"{path.stem}: {name}": code for name, code in zip(parts[1::2], parts[2::2], strict=True)}


CASES: Final = {name: code for path in sorted((HERE / "cases").glob("*.js")) for name, code in _read(path).items()}


class Differs(NamedTuple):
    """A case in which a worker gives something else than Node, and means to."""

    code: str
    ours: Any
    node: Any
    why: str


DIFFERING: Final = {
    "the message of a failure": Differs(
        "try { await at('/asked?code=302&to=/', { redirect: 'error' }) } catch (e) { return [e.message, e.cause.message] }",
        ["fetch failed: unexpected redirect", "unexpected redirect"],
        ["fetch failed", "unexpected redirect"],
        "Most code shows the message alone, and whoever reads it should not have to guess.",
    ),
    "a body that is cut off": Differs(
        "try { await (await at('/cut')).text() } catch (e) { return e.message.split(':')[0] }",
        "fetch failed",
        "terminated",
        "Bodies cross whole: one that does not come to its end is no answer, so fetch rejects and not the body.",
    ),
    "an answer whose body never ends": Differs(
        "const c = new AbortController(); return at('/drip', { signal: c.signal }).then((r) => r.status, (e) => e.name)",
        "TypeError",
        200,
        "Bodies cross whole: an answer without its body has not come, and the limit of a call ends it.",
    ),
    "the name of the client": Differs(
        "return (await (await at('/agent')).json()).agent",
        ["sandboxd"],
        ["node"],
        "It is what navigator.userAgent says.",
    ),
    "spaces after a header's value": Differs(
        "return (await at('/space')).headers.get('x-space')",
        "a  b",
        "a  b  ",
        "RFC 9110 and the Fetch standard: they are no part of it.",
    ),
    "new": Differs(
        "try { new fetch(base); return 'made' } catch (e) { return e.name }",
        "TypeError",
        "made",
        "Web IDL: an operation is no constructor.",
    ),
}
