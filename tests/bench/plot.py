"""The results as a picture for the documentation: bars in panels, written as SVG."""

from collections.abc import Callable, Iterator
from html import escape

from msgspec import Struct

from tests.bench.results import Results

WIDTH, BAR, GAP, LABEL, VALUE, TITLE = 360, 16, 6, 92, 58, 34
MB = 1 << 20


class Panel(Struct, frozen=True):
    """One figure of each server."""

    title: str
    figure: Callable[[Results, str], float]


def _rate(workload: str) -> Callable[[Results, str], float]:
    return lambda results, server: results.row(server, workload, 8).per_s


def _peak(results: Results, server: str) -> float:
    if (peak := results.memory[server].peak_bytes) is None:
        raise KeyError(server)  # a bar of nothing would be a boast
    return peak / MB


PANELS = (
    Panel("W1, 8 in flight: executions/s", _rate("W1")),
    Panel("W1, 1 in flight: p50 in ms (less is better)", lambda results, server: results.row(server, "W1", 1).p50_ms),
    Panel("W1: CPU ms for each execution (less is better)", lambda results, server: results.row(server, "W1", 8).cpu_ms),
    Panel("W1, 8 in flight: memory in MB (less is better)", _peak),
    Panel("W2 (46 KB result), 8 in flight: executions/s", _rate("W2")),
    Panel("W3 (promises, timers), 8 in flight: executions/s", _rate("W3")),
    Panel("W4 (100 ms of fib), 8 in flight: executions/s", _rate("W4")),
    Panel("W5 (1,000 lines), 8 in flight: executions/s", _rate("W5")),
)


def plot(results: Results) -> str:
    """An SVG document: two columns of panels."""
    height = TITLE + len(results.servers) * (BAR + GAP) + 2 * GAP
    box = f"0 0 {2 * WIDTH + 40} {(len(PANELS) + 1) // 2 * height + 20}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" font-family="sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for number, panel in enumerate(PANELS):
        across, down = (number % 2) * (WIDTH + 20) + 10, number // 2 * height + 10
        parts += [f'<g transform="translate({across} {down})">', *_panel(results, panel), "</g>"]
    return "\n".join([*parts, "</svg>", ""])


def _panel(results: Results, panel: Panel) -> Iterator[str]:
    figures = {}
    for server in results.servers:
        try:
            figures[server] = panel.figure(results, server)
        except KeyError:
            continue
    most = max(figures.values(), default=0) or 1
    yield f'<text x="0" y="16" font-size="13" font-weight="bold">{escape(panel.title)}</text>'
    for number, (server, figure) in enumerate(figures.items()):
        top, long = TITLE - GAP + number * (BAR + GAP), figure / most * (WIDTH - LABEL - VALUE)
        colour = "#c2410c" if server.startswith("sandboxd") else "#94a3b8"
        yield f'<text x="{LABEL - 6}" y="{top + 12}" text-anchor="end">{escape(server)}</text>'
        yield f'<rect x="{LABEL}" y="{top}" width="{long:.1f}" height="{BAR}" fill="{colour}"/>'
        said = f"{figure:,.0f}" if figure >= 10 else f"{figure:.2f}"
        yield f'<text x="{LABEL + long + 5:.1f}" y="{top + 12}">{said}</text>'
