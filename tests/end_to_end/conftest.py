"""Shows what each fault run counted, at the end of the test run."""

from __future__ import annotations

from typing import Any


def pytest_terminal_summary(terminalreporter: Any) -> None:
    lines = []
    for reports in terminalreporter.stats.values():
        for report in reports:
            told = getattr(report, "user_properties", None)
            if told and getattr(report, "when", "") == "call" and "end_to_end" in report.nodeid:
                said = ", ".join(f"{name} {value}" for name, value in told)
                lines.append(f"{report.nodeid.rpartition('::')[2]}: {said}")
    if lines:
        terminalreporter.section("faults")
        for line in sorted(lines):
            terminalreporter.write_line(line)
