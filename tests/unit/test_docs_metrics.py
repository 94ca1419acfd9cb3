"""docs/metrics.md says it all: every metric with its type and labels, every part of /readyz, and only expressions of these."""

import re
from pathlib import Path

import pytest
from prometheus_client import generate_latest

import sandboxd
from sandboxd import metrics

TEXT = (Path(sandboxd.__file__).parent.parent / "docs/metrics.md").read_text()
ROWS = {cells[0]: cells for line in TEXT.splitlines() if (cells := [cell.strip() for cell in line.strip("|").split("|")])}


@pytest.mark.parametrize("metric", metrics.TABLE, ids=lambda metric: metric.name)
def test_every_metric_is_explained(metric: metrics.Told) -> None:
    """With its type, its labels in their order, and some words."""
    _, kind, labels, words = ROWS[metric.name]
    assert (kind, labels, words != "") == (metric.kind, ", ".join(metric.labels), True)


def test_no_other_metric_is_explained() -> None:
    """In tables and in expressions."""
    named = {re.sub("_bucket$", "", name) for name in re.findall(r"\bsandboxd_\w+", TEXT)}
    assert named == {metric.name for metric in metrics.TABLE}


def test_every_metric_of_the_process_is_named() -> None:
    """Those that the library finds, and no others."""
    scraped = generate_latest(metrics.registry(lambda: ())).decode()
    found = set(re.findall(r"^(process_\w+) ", scraped, re.MULTILINE))
    assert set(re.findall(r"\bprocess_\w+\w", TEXT)) - {"process_"} == found


def test_names_are_prometheus() -> None:
    """Our prefix, base units, and _total for counters alone."""
    for metric in metrics.TABLE:
        assert metric.name.startswith("sandboxd_")
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert not re.search(r"_(ms|kb|mb|us)\b", metric.name)
