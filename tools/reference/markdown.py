"""What the pages are put together from."""

from collections.abc import Iterable


def table(*heads: str, rows: Iterable[Iterable[object]]) -> str:
    """A table; a line end within a cell is a blank, None an empty cell."""
    lines = [_row(heads), "|" + "---|" * len(heads), *(_row(row) for row in rows)]
    return "\n".join(lines) + "\n"


def _row(cells: Iterable[object]) -> str:
    return "| " + " | ".join(_cell(each) for each in cells) + " |"


def _cell(value: object) -> str:
    return "" if value is None else " ".join(str(value).split()).replace("|", "\\|")


def size(count: int) -> str:
    """Bytes as people say them, if they can."""
    for shift, unit in ((20, "MB"), (10, "KB")):
        if count >= 1 << shift and count % (1 << shift) == 0:
            return f"{count >> shift:,} {unit}"
    return f"{count:,} bytes"
