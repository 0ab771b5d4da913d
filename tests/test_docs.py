"""Tests of the examples in the documentation."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import jsonschema
import pytest
from fastmcp import FastMCP

from perf_core import ServerAdapter
from perf_core.load.plan import Settings
from perf_core.server.credentials.access_settings import AccessSettings
from perf_core.shapes.registry import plan_scenario
from perf_core.targets.file_model import (
    AnswersTable,
    CallTable,
    DrawTable,
    ExpectTable,
    JourneyTable,
    StepTable,
    TargetFile,
    TargetTable,
)
from perf_core.targets.file_schema import file_schema
from perf_core.targets.toml_file import read_target_file

ROOT = Path(__file__).parent.parent


def blocks(document: str, language: str) -> list[str]:
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def project_file() -> str:
    (block,) = (each for each in blocks("docs/adapters.md", "toml") if each.startswith("[build-system]"))
    return block


def target_files() -> list[str]:
    return [block for block in blocks("docs/adapters.md", "toml") if not block.startswith("[build-system]")]


def written(folder: Path, example: str) -> Path:
    """Write a target file of the adapters page, and the file and the folder that two of them need."""
    (cities,) = blocks("docs/adapters.md", "csv")
    (folder / "cities.csv").write_text(cities, encoding="utf-8")
    (folder / "server").mkdir()
    path = folder / "target.toml"
    path.write_text(example, encoding="utf-8")
    return path


def test_target_file_example_in_the_adapters_page_is_read(tmp_path: Path) -> None:
    adapter = read_target_file(written(tmp_path, target_files()[0]))
    assert adapter.name == "weather"
    plan = plan_scenario(adapter.scenarios["load"], "session", Settings())
    assert plan.tools == ("forecast",)
    (target,) = adapter.scenarios["load"].targets
    assert target.figure == "latency_ms.all.p95"


@pytest.mark.parametrize("example", target_files(), ids=lambda text: text.split('"')[1])
def test_every_target_file_of_the_adapters_page_can_be_planned(tmp_path: Path, example: str) -> None:
    adapter = read_target_file(written(tmp_path, example))
    for scenario in adapter.scenarios.values():
        assert plan_scenario(scenario, "session", Settings()).tools
    problems = jsonschema.Draft202012Validator(file_schema()).iter_errors(tomllib.loads(example))
    assert not [problem.message for problem in problems]


def test_adapters_page_has_every_field_of_target_files() -> None:
    page = (ROOT / "docs/adapters.md").read_text(encoding="utf-8")
    for model in (TargetFile, CallTable, StepTable, JourneyTable, TargetTable, DrawTable, AnswersTable):
        for name in model.model_fields:
            assert re.search(rf"[`\s({{.]{name}[`\s.]", page), f"{model.__name__}: {name}"
    for name, field in ExpectTable.model_fields.items():
        assert f"| `{field.alias or name} = " in page, name
    for name in AccessSettings.model_fields:
        assert f"| `{name}` |" in page, name


def test_documented_drawn_values_come_from_one_line(tmp_path: Path) -> None:
    (example,) = (text for text in target_files() if 'name = "cities"' in text)
    mix = read_target_file(written(tmp_path, example)).scenarios["load"].journeys(1)["mix"]
    pairs = {(str(j.steps[0].arguments["city"]), str(j.steps[0].expect.value)) for j in mix}
    assert pairs == {("Oslo", "{'population': 709037}"), ("Bergen", "{'population': 291940}")}


def test_target_file_example_in_the_module_docstring_is_read(tmp_path: Path) -> None:
    from perf_core.targets import toml_file

    assert toml_file.__doc__ is not None
    example = toml_file.__doc__.partition("Example::")[2].replace("\n    ", "\n")
    path = tmp_path / "weather.toml"
    path.write_text(example, encoding="utf-8")
    assert read_target_file(path).name == "weather"


def write_example_project(folder: Path) -> Path:
    """Write the example project of the adapters page."""
    server, adapter = blocks("docs/adapters.md", "python")[:2]
    package = folder / "words"
    package.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(project_file(), encoding="utf-8")
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "__main__.py").write_text(server, encoding="utf-8")
    (package / "perf_adapter.py").write_text(adapter, encoding="utf-8")
    return folder


def test_example_adapter_has_at_most_thirty_lines() -> None:
    text = blocks("docs/adapters.md", "python")[1]
    assert len([line for line in text.splitlines() if line.strip()]) <= 30
    names: dict = {}
    exec(text, names)
    adapter = names["adapter"]
    assert isinstance(adapter, ServerAdapter)
    assert {"load", "concurrent", "stability"} <= set(adapter.scenarios)
    plan = plan_scenario(adapter.scenarios["quick"], "stateless", Settings())
    assert plan.tools == ("count",)


def test_adapters_page_names_the_entry_point_group_that_the_lab_reads() -> None:
    from perf_core.adapter import ENTRY_POINT_GROUP

    example = tomllib.loads(project_file())
    assert set(example["project"]["entry-points"]) == {ENTRY_POINT_GROUP}


@pytest.mark.long
@pytest.mark.k6
def test_example_server_is_built_installed_and_measured(tmp_path: Path) -> None:
    project, site = write_example_project(tmp_path / "words-server"), tmp_path / "site"
    install = ["pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--target"]
    subprocess.run([sys.executable, "-m", *install, str(site), str(project)], check=True, timeout=100)
    run = ["perf_core", "run", "quick", "concurrent", "--target", "words", "--wire", "session"]
    options = ["--duration", "3s", "--clients", "3", "--output-dir", str(tmp_path / "results")]
    done = subprocess.run(
        [sys.executable, "-m", *run, *options],
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("PASS") == 2


def test_example_server_in_the_readme_of_server_core_is_created() -> None:
    names: dict = {"__name__": "weather"}
    exec(blocks("packages/server-core/README.md", "python")[0], names)
    server = names["create_server"](names["WeatherSettings"](_env_file=None))
    assert isinstance(server, FastMCP)
    assert names["WeatherSettings"].environment_name("port") == "WEATHER_PORT"
