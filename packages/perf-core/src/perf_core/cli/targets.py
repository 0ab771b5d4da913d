"""``perf-core targets``: list the installed targets."""

from __future__ import annotations

from perf_core.cli.console import line
from perf_core.errors import ExitCode
from perf_core.targets.registry import installed_adapters


def targets() -> ExitCode:
    """List the installed targets and their scenarios."""
    installed = installed_adapters()
    if not installed:
        line("No target is installed. Install a server with its extra [perf], or write a TOML file.")
    for subject in installed.values():
        line(f"{subject.name}  ({subject.package})")
        for scenario in subject.adapter.scenarios.values():
            line(f"  {scenario.name:<14} {scenario.summary}")
    return ExitCode.PASS
