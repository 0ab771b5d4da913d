"""Load shapes: files, figures and documentation of each, and a new one from its two files to a verdict."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import perf_core.shapes
from perf_core import Launch, Limits, Scenario
from perf_core.analysis.figures import figures
from perf_core.analysis.k6_summary import Summary
from perf_core.cli import main
from perf_core.errors import ExitCode, UsageError
from perf_core.load import k6_process
from perf_core.load.plan import PlanNeeds, Settings
from perf_core.results import record_file
from perf_core.scenarios import further_scenarios
from perf_core.shapes.registry import all_shapes, plan_scenario, shape_named
from perf_core.shapes.shape import Shape

if TYPE_CHECKING:
    from conftest import Build

TESTS = Path(__file__).parents[1]
DOCUMENT = (TESTS.parents[2] / "docs" / "scenarios.md").read_text(encoding="utf-8")
SHAPES = sorted(all_shapes())


def scripts(folder: Path) -> set[str]:
    # slices.js is the schedule of a comparison, not a load shape.
    return {path.stem for path in (folder / "scenarios").glob("*.js")} - {"slices"}


def test_every_shape_has_a_k6_file_and_every_k6_file_a_shape() -> None:
    assert len(SHAPES) >= 14
    assert scripts(k6_process.scripts_folder()) == set(SHAPES)


def test_every_module_but_the_mechanics_defines_a_shape_of_its_name() -> None:
    modules = {path.stem for path in Path(perf_core.shapes.__path__[0]).glob("*.py")}
    assert modules - {"__init__", "registry", "shape"} == {name.replace("-", "_") for name in SHAPES}


@pytest.mark.parametrize("name", SHAPES)
def test_shape_is_complete_and_documented(name: str) -> None:
    shape = shape_named(name)
    assert shape.name == name
    assert shape.summary.endswith("?")
    assert shape.targets
    assert all(target.need.endswith(".") for target in shape.targets)
    assert f"| `{name}` | " in DOCUMENT


@pytest.mark.parametrize("name", SHAPES)
def test_shape_produces_the_figures_it_names_and_those_of_its_targets(name: str, build: type[Build]) -> None:
    shape = shape_named(name)
    summary = Summary(build.summary(("hold_100", 0, 10)).document)
    evidence = build.evidence([build.stage()], summary=summary, limits=Limits(2.0, 20))
    assert set(shape.find(evidence).figures) == set(shape.figures)
    common = figures(build.metrics(), [build.stage()], [], None, sessions_left=None, uptime_percent=None)
    assert {target.figure for target in shape.targets} <= {*shape.figures, *common}


def test_unknown_shape_is_refused(build: type[Build]) -> None:
    scenario = Scenario("mine", "laod", "?", lambda _seed: {"mix": [build.journey()]})
    with pytest.raises(UsageError, match=r"expected a load shape \(benchmark, .*\), got 'laod'"):
        plan_scenario(scenario, "session", Settings())


def test_shape_needs_nothing_unless_it_says_so(build: type[Build]) -> None:
    shape = Shape("plain", "Is it plain?")
    assert shape.plan == PlanNeeds()
    assert list(shape.plan.pool_problems(build.scenario(), {})) == []
    assert shape.find(build.evidence([build.stage()])).figures == {}


@pytest.fixture
def add_shape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, str], None]:
    """Add a shape from a package and a k6 folder outside the installation."""
    package, k6 = tmp_path / "shapes", tmp_path / "k6"
    package.mkdir()
    shutil.copytree(k6_process.scripts_folder(), k6)
    monkeypatch.setattr(perf_core.shapes, "__path__", [*perf_core.shapes.__path__, str(package)])
    monkeypatch.setattr(k6_process, "scripts_folder", lambda: k6)

    def add(name: str, python: str, script: str) -> None:
        assert name not in SHAPES
        (package / f"{name}.py").write_text(python, encoding="utf-8")
        (k6 / "scenarios" / f"{name}.js").write_text(script, encoding="utf-8")

    return add


@pytest.fixture
def run(tmp_path: Path, build: type[Build], install: Callable[..., None]) -> Callable[..., Path]:
    """Run the scenario of a shape against the adder, expect it to pass, and return the folder of the run."""

    def run_scenario(shape: str, *options: str, fault: str = "", **needs: str) -> Path:
        adder = str(TESTS / "servers" / "adder.py")
        argv = (sys.executable, adder, "--ready-file", "{ready_file}", "--fault", fault)
        journeys = [build.journey(n, n * n) for n in range(1, 40)]
        scenarios = further_scenarios({shape: lambda _seed: {"mix": journeys}}, **needs)
        install(adder=build.adapter(scenarios, launch=Launch(argv, stop_timeout_s=1.0)))
        results = tmp_path / "results"
        pace = ("--think-time", "0.02")  # leaves the CPUs to the other tests
        command = ["run", shape, "--target", "adder", "--output-dir", str(results), *pace, *options]
        assert main(command) == ExitCode.PASS
        (folder,) = results.iterdir()
        return folder

    return run_scenario


@pytest.mark.k6
def test_documented_shape_runs_from_its_two_files(
    add_shape: Callable[..., None], run: Callable[..., Path]
) -> None:
    section = DOCUMENT.partition("## Adding a load shape")[2]
    (name,) = set(re.findall(r"shapes/(\w+)\.py", section))
    blocks = (
        re.search(rf"^```{language}\n(.*?)^```", section, flags=re.DOTALL | re.MULTILINE)[1]
        for language in ("python", "js")
    )
    add_shape(name, *blocks)
    record = record_file.read(run(name, "--duration", "3s", "--vus", "4") / "record.json")
    assert [stage.name for stage in record.stages] == ["hold_1", "hold_2", "hold_4"]
    assert all(stage.calls > 0 for stage in record.stages)
    (finding,) = (each for each in record.findings if each.title == "Worst step")
    assert finding.text.startswith("100.00 % of the calls succeeded in hold_")
    values = {target.figure: target.value for target in record.targets}
    assert values == {"error_rate": 0.0, "staircase.worst_step_percent": 100.0}


NEEDY = """
from perf_core.adapter import Target
from perf_core.analysis.evidence import ShapeFindings
from perf_core.analysis.figures import Figure
from perf_core.shapes.shape import Shape

def find(evidence):
    snapshots = evidence.snapshots
    processes = snapshots.before.processes if snapshots and snapshots.after else 0
    counts = {"needy.kills": len(evidence.kills), "needy.processes": processes}
    return ShapeFindings((), {name: Figure(count, 1, 0.0) for name, count in counts.items()})

SHAPE = Shape(
    name="needy",
    summary="Is everything done that a shape can need?",
    targets=(
        Target("needy.kills", ">", 0, need="A process must be killed."),
        Target("needy.processes", ">", 0, need="Snapshots must be taken."),
    ),
    figures=("needy.kills", "needy.processes"),
    find=find,
    resource_snapshots=True,
    kills_processes=True,
)
"""

NEEDY_SCRIPT = """
import { scenarioOf } from "../lib/scenario.js";
export const shape = { name: "needy", profile: ({ hold }) => [hold(2, 2)] };
export const { options, setup, iterate, cleanup, handleSummary } = scenarioOf(shape);
export default iterate;
"""


@pytest.mark.k6
def test_shape_gets_the_warm_up_snapshots_and_kills_it_needs(
    add_shape: Callable[..., None], run: Callable[..., Path]
) -> None:
    add_shape("needy", NEEDY, NEEDY_SCRIPT)
    # The deaf server has a child, whose command line contains this.
    folder = run("needy", fault="deaf", kill_pattern="SIG_IGN")
    values = {target.figure: target.value for target in record_file.read(folder / "record.json").targets}
    assert values == {"needy.kills": 1, "needy.processes": 2}
    assert (folder / "warm_up" / "summary.json").is_file()
