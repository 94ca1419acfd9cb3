"""One line for each mode at the end of a run: the figures that the suite is for."""

import pytest

from tests.escape import suite


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints what was counted, if anything was run."""
    for line in suite.figures():
        terminalreporter.write_line(line)
