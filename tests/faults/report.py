"""The faults as a table."""

from collections.abc import Mapping, Sequence

from tests.faults.scene import Found

HEAD = ("fault", "what callers saw meanwhile", "acknowledged, lost", "how accepted executions ended", "healthy after")


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} × {what}" for what, count in sorted(counts.items(), key=lambda each: -each[1])) or "—"


def _row(found: Found) -> tuple[str, ...]:
    if found.skipped:
        return found.name, f"not made: {found.skipped}", "", "", ""
    healthy = "—" if found.healthy_s is None else f"{found.healthy_s:.2f} s"
    return found.name, _counts(found.saw), f"{found.acknowledged}, {found.lost}", _counts(found.ends), healthy


def table(results: Sequence[Found]) -> str:
    """Markdown, with the promises and what was not kept below."""
    rows = [HEAD, ("---",) * len(HEAD), *map(_row, results)]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines += ["", *(" ".join([f"* **{found.name}**: {found.promise}", *found.facts]) for found in results)]
    broken = [f"NOT KEPT {found.name}: {problem}" for found in results for problem in found.problems]
    return "\n".join([*lines, *(["", *broken] if broken else [])])
