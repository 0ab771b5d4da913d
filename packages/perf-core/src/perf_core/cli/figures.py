"""``perf-core figures``: list the figures that targets can name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from cyclopts import Parameter

from perf_core.adapter import Scenario
from perf_core.analysis.catalogue import PATTERNS, PLACEHOLDERS
from perf_core.cli.console import out
from perf_core.errors import ExitCode
from perf_core.load.k6_binary import find_k6
from perf_core.load.plan import Settings
from perf_core.report.wording import figure_wording, level_unit
from perf_core.runs.questions import figures_of, preview
from perf_core.shapes.registry import all_shapes, plan_scenario
from perf_core.targets.registry import find_subjects


def figures(
    scenario: Annotated[str | None, Parameter(help="Scenario with the figures. Default: all.")] = None,
    /,
    *,
    target: Annotated[
        list[str] | None,
        Parameter(
            name="--target",
            negative="",
            help="An installed adapter's name or a TOML file, to fill in tools and stages; repeatable.",
        ),
    ] = None,
) -> ExitCode:
    """List the figures that targets can name, each with its unit and meaning."""
    if target is None and scenario is None:
        _print_patterns()
        return ExitCode.PASS
    for subject in find_subjects(target or (), [scenario] if scenario else [], None):
        chosen = [subject.scenario(scenario)] if scenario else list(subject.adapter.scenarios.values())
        names = {each.name: _names(each) for each in chosen}
        # Figures that all of these scenarios have are listed once.
        common = [name for name in next(iter(names.values())) if all(name in each for each in names.values())]
        _print(f"{subject.name}: {', '.join(names)}", common)
        for each, its_names in names.items():
            own = [name for name in its_names if name not in common]
            if own:
                _print(f"{subject.name}: {each} alone", own)
    return ExitCode.PASS


def _names(scenario: Scenario) -> dict[str, None]:
    """Return the names of a scenario's figures, as keys: an ordered set."""
    plan = plan_scenario(scenario, scenario.wires[0], Settings())
    return dict.fromkeys(figures_of(plan, preview(find_k6(), plan).sub_metrics))


def _print_patterns() -> None:
    _print("every scenario", PATTERNS)
    for shape in all_shapes().values():
        if shape.figures:
            _print(f"{shape.name} alone", shape.figures)
    out.print("Words in capitals, which --target fills in:", highlight=False)
    for word, meaning in PLACEHOLDERS.items():
        out.print(f"  {word:<10} {meaning}", highlight=False, soft_wrap=True)


def _print(heading: str, names: Iterable[str]) -> None:
    out.print(f"{heading}:", highlight=False, markup=False, soft_wrap=True)
    for name in names:
        # Only a known statistic has words and a unit.
        example = name.replace("STATISTIC", "p95")
        words = figure_wording(example).words
        if example != name:
            words = words.replace("p95", "STATISTIC")
        line = f"  {name:<40} {level_unit(example):<8} {words}"
        out.print(line, highlight=False, markup=False, soft_wrap=True)
