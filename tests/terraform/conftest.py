"""Says at the end of a run which stacks no real Terraform has seen."""

import pytest

UNCHECKED: dict[str, str] = {}


@pytest.fixture
def unchecked() -> dict[str, str]:
    """Stacks that could not be checked, with the reason; shown when the run ends."""
    return UNCHECKED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if UNCHECKED:
        terminalreporter.section("stacks that Terraform did not validate")
        for stack, reason in sorted(UNCHECKED.items()):
            terminalreporter.line(f"{stack}: {reason}")
