"""Load shapes: files, figures and documentation of each, and a new one from its two files to a verdict."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from perf_core.analysis.k6_summary import Summary

import perf_core.shapes
from perf_core import Launch, Limits, Scenario
from perf_core.analysis.figures import figures
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
def documented_shape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The shape that docs/scenarios.md adds, from a package and a k6 folder outside the installation."""
    section = DOCUMENT.partition("## Adding a load shape")[2]
    (name,) = set(re.findall(r"shapes/(\w+)\.py", section))
    python, script = (
        re.search(rf"^```{language}\n(.*?)^```", section, flags=re.DOTALL | re.MULTILINE)[1]
        for language in ("python", "js")
    )
    package, k6 = tmp_path / "shapes", tmp_path / "k6"
    package.mkdir()
    (package / f"{name}.py").write_text(python, encoding="utf-8")
    shutil.copytree(k6_process.scripts_folder(), k6)
    (k6 / "scenarios" / f"{name}.js").write_text(script, encoding="utf-8")
    monkeypatch.setattr(perf_core.shapes, "__path__", [*perf_core.shapes.__path__, str(package)])
    monkeypatch.setattr(k6_process, "scripts_folder", lambda: k6)
    return name


@pytest.mark.k6
def test_new_shape_runs_from_its_two_files(
    documented_shape: str, tmp_path: Path, build: type[Build], install: Callable[..., None]
) -> None:
    assert documented_shape not in SHAPES
    argv = (sys.executable, str(TESTS / "servers" / "adder.py"), "--ready-file", "{ready_file}")
    journeys = [build.journey(n, n * n) for n in range(1, 40)]
    scenarios = further_scenarios({documented_shape: lambda _seed: {"mix": journeys}})
    install(adder=build.adapter(scenarios, launch=Launch(argv)))
    results = tmp_path / "results"
    options = ("--duration", "3s", "--vus", "4", "--output-dir", str(results))
    assert main(["run", documented_shape, "--target", "adder", *options]) == ExitCode.PASS
    (path,) = results.glob("*/record.json")
    record = record_file.read(path)
    assert [stage.name for stage in record.stages] == ["hold_1", "hold_2", "hold_4"]
    assert all(stage.calls > 0 for stage in record.stages)
    (finding,) = (each for each in record.findings if each.title == "Worst step")
    assert finding.text.startswith("100.00 % of the calls succeeded in hold_")
    values = {target.figure: target.value for target in record.targets}
    assert values == {"error_rate": 0.0, "staircase.worst_step_percent": 100.0}
