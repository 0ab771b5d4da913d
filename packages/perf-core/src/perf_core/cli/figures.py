"""``perf-core figures``: list the figures that targets can name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from cyclopts import Parameter

from perf_core.adapter import Scenario
from perf_core.analysis.catalogue import PATTERNS, PLACEHOLDERS
from perf_core.cli import servers
from perf_core.cli.arguments import scenarios_and_servers
from perf_core.cli.console import out
from perf_core.cli.options import ACCESS, DRAWING, AccessOptions, Command, DrawingOptions, Env, Shared
from perf_core.errors import ExitCode
from perf_core.interruption import watch_signals
from perf_core.load.k6_binary import find_k6
from perf_core.load.plan import Settings
from perf_core.report.wording import figure_wording, level_unit, plain
from perf_core.runs.questions import figures_of, preview
from perf_core.runs.settings import expect_usable
from perf_core.shapes.registry import all_shapes, plan_scenario


def figures(
    *scenario: Annotated[
        str,
        Parameter(help="Scenario with the figures (default: all), and the URL or TOML file of a server."),
    ],
    target: Annotated[
        list[str] | None,
        Parameter(
            name="--target",
            negative="",
            help="An installed adapter's name, a TOML file or a URL, for tools and stages; repeatable.",
        ),
    ] = None,
    shared: Shared = False,
    env: Env = (),
    drawing: DrawingOptions = DRAWING,
    access: AccessOptions = ACCESS,
    seed: Annotated[int, Parameter(help="Seed of drawn calls.")] = 1,
    command: Command = None,
) -> ExitCode:
    """List the figures that targets can name, each with its unit and meaning.

    What follows -- is a command that starts a server, over stdio unless a URL stands before it.
    """
    scenarios, words = scenarios_and_servers(scenario)
    typed = servers.Typed(tuple(words), tuple(target or ()), None, command, shared, env)
    if not (scenarios or words or target or command is not None):
        _print_patterns()
        return ExitCode.PASS
    subjects = servers.find(typed, scenarios, access)
    for subject in subjects:
        expect_usable(subject, scenarios, Settings(), None)
    with watch_signals() as interruption:
        subjects = servers.with_calls(subjects, None, drawing, seed=seed, interruption=interruption)
    for subject in subjects:
        chosen = [subject.scenario(name) for name in scenarios] or list(subject.adapter.scenarios.values())
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
    out.print("Words in capitals, which --target fills in:")
    for word, meaning in PLACEHOLDERS.items():
        out.print(f"  {word:<10} {meaning}", soft_wrap=True)


def _print(heading: str, names: Iterable[str]) -> None:
    out.print(f"{plain(heading)}:", soft_wrap=True)
    for name in names:
        # Only a known statistic has words and a unit.
        example = name.replace("STATISTIC", "p95")
        words = figure_wording(example).words
        if example != name:
            words = words.replace("p95", "STATISTIC")
        line = f"  {plain(name):<40} {level_unit(example):<8} {words}"
        out.print(line, soft_wrap=True)
