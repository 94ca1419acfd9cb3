"""Pages of console output: by lines and by bytes, while it is written and after."""

import json
from typing import Any
from urllib.parse import quote

import hypothesis
import pytest
from hypothesis import strategies as st

from tests.support.daemon import Daemon
from tests.support.executing import ASLEEP, ENDED, Caller
from tests.support.stored import wait_until

DOORS = ["executions"]

# Every kind of line end, characters of one to four bytes, an empty line, a long one, and no end of line of its own anywhere.
MIXED = [
    "a",
    "",
    "grün",
    "→ 漢字",
    "\U0001f600\U0001f601",
    "cr\rlf\r\nls\u2028ps\u2029nel\u0085ff\f",
    "x" * 5000,
    "é" * 3000,
    "\n\n",
    "end",
]
PRINTED = "".join(text + "\n" for text in MIXED)
CODE = "for (const text of {texts}) {{ console.log('%s', text); await new Promise(resolve => setTimeout(resolve, {pause})); }}"


def printing(texts: list[str], pause_ms: int) -> str:
    """A program that prints them, with a pause after each."""
    return CODE.format(texts=json.dumps(texts), pause=pause_ms)


@pytest.fixture(scope="module")
def printed(daemon: Daemon, token: str) -> str:
    """An execution that has printed all of it."""
    caller = Caller(daemon, token)
    execution_id = caller.submit(printing(MIXED, 0))
    assert caller.ended(execution_id)["status"] == "completed"
    return execution_id


def pages(caller: Caller, execution_id: str, mode: str, limit: int) -> tuple[str, list[dict[str, Any]]]:
    """All output, page after page, until the execution has ended and there is no more of it."""
    text, found, offset = "", [], 0
    while True:
        page = caller.page(execution_id, f"{mode}_offset={offset}&{mode}_limit={limit}")
        found.append(page)
        text, offset = text + page["data"], page[f"next_{mode}_offset"]
        if page["status"] in ENDED and not page["has_more"]:
            return text, found


@pytest.mark.parametrize(
    ("mode", "limit"), [("byte", 61), ("byte", 4096), ("byte", 1 << 20), ("line", 1), ("line", 3), ("line", 1000)]
)
def test_pages_together_are_the_output(caller: Caller, printed: str, mode: str, limit: int) -> None:
    """Byte for byte, in both modes; each page says where it stands, and that is true."""
    text, found = pages(caller, printed, mode, limit)
    assert text == PRINTED
    whole = PRINTED.encode()
    for page in found:
        start, end = page["start_byte"], page["end_byte"]
        assert page["data"].encode() == whole[start:end]
        assert page["total_bytes"] == len(whole)
        assert page["total_lines"] == PRINTED.count("\n")
        assert page["has_more"] is (end < len(whole))
        assert page["next_byte_offset"] == end


LINE_ENDS = st.sampled_from(["\n", "\r", "\r\n", "\u2028", "\u2029", "\u0085", "\v", "\f", "\0"])
TEXTS = st.lists(
    st.lists(LINE_ENDS | st.text(st.characters(exclude_categories=["Cs"]), max_size=40), max_size=6).map("".join), max_size=12
)


@hypothesis.given(texts=TEXTS, mode=st.sampled_from(["byte", "line"]), limit=st.integers(1, 60), pause=st.integers(0, 3))
@hypothesis.settings(
    max_examples=25,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
def test_pages_may_be_read_while_it_is_written(caller: Caller, texts: list[str], mode: str, limit: int, pause: int) -> None:
    """Who always asks for the next page gets everything once, whenever it comes: any text, any line end, either mode."""
    execution_id = caller.submit(printing(texts, pause))
    assert pages(caller, execution_id, mode, limit)[0] == "".join(text + "\n" for text in texts)


@pytest.mark.parametrize(("mode", "limit"), [("byte", 200_000), ("line", 1500)])
def test_ten_megabytes_may_be_read_while_they_are_written(caller: Caller, mode: str, limit: int) -> None:
    """The same of as much as is kept."""
    long = "é→\U0001f600" * 100
    code = f"for (let i = 0; i < 10000; i++) {{ console.log('{long}', i); if (i % 100 == 0) await new Promise(setTimeout); }}"
    execution_id = caller.submit(code, execution_timeout_secs=120)
    text, found = pages(caller, execution_id, mode, limit)
    assert text == "".join(f"{long} {number}\n" for number in range(10_000))
    assert found[0]["status"] == "running"


def test_a_line_is_there_while_the_program_runs(caller: Caller) -> None:
    """Long before the end."""
    execution_id = caller.submit(ASLEEP)
    assert wait_until(lambda: caller.page(execution_id)["data"] == "begun\n")
    assert caller.page(execution_id)["status"] == "running"
    caller.cancel(execution_id)


def test_output_is_whole_when_the_end_shows(caller: Caller) -> None:
    """Who sees a terminal status reads everything."""
    for _ in range(5):
        execution_id = caller.submit("for (let i = 0; i < 3000; i++) console.log(i)")
        caller.ended(execution_id)
        assert caller.page(execution_id)["total_lines"] == 3000


def test_the_defaults_are_100_lines_and_4096_bytes(caller: Caller) -> None:
    """Lines where nothing is said; bytes where one of the byte parameters is."""
    execution_id = caller.submit("for (let i = 0; i < 300; i++) console.log('x'.repeat(99))")
    caller.ended(execution_id)
    lines, offset, limit = (caller.page(execution_id, query) for query in ("", "byte_offset=100", "byte_limit=10"))
    assert (lines["start_line"], lines["end_line"], lines["next_line_offset"], lines["end_byte"]) == (0, 100, 100, 10_000)
    assert (offset["start_byte"], offset["end_byte"]) == (100, 4196)
    assert (limit["start_byte"], limit["data"]) == (0, "x" * 10)
    both = caller.page(execution_id, "line_offset=5&byte_offset=7&byte_limit=1")
    assert (both["start_byte"], both["end_byte"]) == (7, 8)


@pytest.mark.parametrize(
    "query", ["line_offset=1000000", "byte_offset=1000000", f"byte_offset={(1 << 63) - 1}&byte_limit={(1 << 63) - 1}"]
)
def test_past_the_end_is_an_empty_page(caller: Caller, printed: str, query: str) -> None:
    """With the end as where to go on."""
    page = caller.page(printed, query)
    assert (page["data"], page["has_more"]) == ("", False)
    assert (page["next_byte_offset"], page["next_line_offset"]) == (page["total_bytes"], page["total_lines"])


def test_a_byte_page_never_cuts_a_character(caller: Caller, printed: str) -> None:
    """It ends before one that does not fit, but holds one at least."""
    at = len(PRINTED[: PRINTED.index("\U0001f600")].encode())
    for limit, text in ((1, "\U0001f600"), (4, "\U0001f600"), (7, "\U0001f600"), (8, "\U0001f600\U0001f601")):
        assert caller.page(printed, f"byte_offset={at}&byte_limit={limit}")["data"] == text


def test_levels_have_their_marks(caller: Caller) -> None:
    """log, debug and trace are plain; the others say what they are. Arguments are joined by a space, as Node prints them."""
    execution_id = caller.submit(
        "console.log('a', 1, {b: [2]}); console.debug('d'); console.info('i'); console.warn('w'); console.error('e');"
        "console.log('%d%%', 5)"
    )
    caller.ended(execution_id)
    assert caller.output(execution_id) == "a 1 { b: [ 2 ] }\nd\n[INFO] i\n[WARN] w\n[ERROR] e\n5%\n"


def test_ten_megabytes_are_kept_and_no_more(caller: Caller) -> None:
    """What comes after is dropped and marked, the pages say so, and the program goes on to its own end."""
    execution_id = caller.submit(
        "const line = 'x'.repeat(1023); for (let i = 0; i < 11000; i++) console.log(line); 'end'", execution_timeout_secs=60
    )
    info = caller.ended(execution_id)
    assert (info["status"], info["result"]) == ("completed", '"end"')
    first = caller.page(execution_id)
    assert first["truncated"] is True
    assert 10 << 20 <= first["total_bytes"] < (10 << 20) + 1000
    last = caller.page(execution_id, f"line_offset={first['total_lines'] - 1}")
    assert "x" * 20 not in last["data"]
    middle = caller.page(execution_id, "line_offset=5000&line_limit=2")
    assert (middle["data"], middle["start_byte"]) == (("x" * 1023 + "\n") * 2, 5000 * 1024)


def test_what_is_whole_is_not_truncated(caller: Caller, printed: str) -> None:
    """The key is there and false."""
    assert caller.page(printed)["truncated"] is False


def test_an_id_in_any_spelling_is_the_same(caller: Caller, printed: str) -> None:
    """A path that is encoded needlessly names the same execution."""
    assert caller.page(quote(printed).replace("-", "%2D"))["total_lines"] == PRINTED.count("\n")
