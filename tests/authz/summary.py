"""Prints how much was walked through, at the end of the run that did it."""

from typing import Any

PROPERTY = "authz walk"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what the test of the walk has noted, in whichever process it ran."""
    for report in (one for reports in terminalreporter.stats.values() for one in reports):
        if getattr(report, "when", "") == "call":
            for name, told in report.user_properties:
                if name == PROPERTY:
                    terminalreporter.write_line(told)
