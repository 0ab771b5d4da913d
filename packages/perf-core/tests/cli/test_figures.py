"""The command `figures`: patterns of all scenarios, and every name of one target."""

from __future__ import annotations

import pytest

from perf_core.analysis.catalogue import PATTERNS
from perf_core.cli import main
from perf_core.cli.figures import _print
from perf_core.errors import ExitCode
from perf_core.shapes.registry import all_shapes


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, list[str]]:
    """Return the words after each figure, by its name."""
    assert main(["figures", *arguments]) == ExitCode.PASS
    lines = capsys.readouterr().out.splitlines()
    return {words[0]: words[1:] for line in lines if line.startswith("  ") and (words := line.split())}


def test_without_a_target_every_pattern_is_listed_with_unit_and_meaning(
    capsys: pytest.CaptureFixture[str],
) -> None:
    figures = listed(capsys)
    of_shapes = {name for shape in all_shapes().values() for name in shape.figures}
    assert set(PATTERNS) | of_shapes <= set(figures)
    assert figures["latency_ms.TOOL.STATISTIC"] == ["ms", "STATISTIC", "latency", "of", "TOOL"]
    # The level of a target on it is 0.001, although reports show 0.1 %.
    assert figures["error_rate"][0] == "share"
    assert figures["sessions_left"][0] == "number"
    assert "hold_100" in figures["STAGE"]


@pytest.mark.k6
def test_target_fills_in_tools_and_stages(adder: str, capsys: pytest.CaptureFixture[str]) -> None:
    figures = listed(capsys, "stress", "--target", adder)
    for name in ("latency_ms.add.p95", "latency_ms.all.p99@hold_800", "stress.knee_vus", "errors.timeout"):
        assert name in figures
    assert not [name for name in figures if "STAGE" in name or "@hold_50" in name]


@pytest.mark.k6
def test_figures_of_all_scenarios_of_a_target_are_listed_once(
    adder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["figures", "--target", adder]) == ExitCode.PASS
    printed = capsys.readouterr().out
    assert printed.count("  latency_ms.add.p95 ") == 1
    assert printed.count("  latency_ms.all.p95@hold_100 ") == 3, "in load, stress and concurrent"
    assert "adder: benchmark alone:" in printed


def test_unknown_scenario_is_a_usage_error(adder: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["figures", "strss", "--target", adder]) == ExitCode.USAGE
    assert "did you mean 'stress'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nosuch", "http://127.0.0.1:9/mcp"], "has no scenario 'nosuch'"),
        (["--"], "expected a command after --, got none"),
        (["quick", "--"], "expected a command after --, got none"),
    ],
)
def test_mistakes_are_found_before_a_server_is_asked(words: list[str], message: str, capsys) -> None:
    assert main(["figures", *words]) == ExitCode.USAGE
    printed = capsys.readouterr()
    assert message in printed.err
    assert "asking" not in printed.err
    assert printed.out == ""


def test_names_of_tools_cannot_control_the_terminal(capsys) -> None:
    _print("a\x1b[2J", ["latency_ms.a\x1b[2J.p95"])
    assert "\x1b" not in capsys.readouterr().out
