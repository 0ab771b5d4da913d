"""Tests of the examples in the documentation."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from fastmcp import FastMCP

from perf_core import ServerAdapter
from perf_core.load.plan import Settings
from perf_core.shapes.registry import plan_scenario
from perf_core.targets.toml_file import read_target_file

ROOT = Path(__file__).parent.parent


def blocks(document: str, language: str) -> list[str]:
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def test_target_file_example_in_the_adapters_page_is_read(tmp_path: Path) -> None:
    example = blocks("docs/adapters.md", "toml")[0]
    path = tmp_path / "weather.toml"
    path.write_text(example, encoding="utf-8")
    adapter = read_target_file(path)
    assert adapter.name == "weather"
    plan = plan_scenario(adapter.scenarios["load"], "session", Settings())
    assert plan.tools == ("forecast",)
    (target,) = adapter.scenarios["load"].targets
    assert target.figure == "latency_ms.all.p95"


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
    (folder / "pyproject.toml").write_text(blocks("docs/adapters.md", "toml")[1], encoding="utf-8")
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

    example = tomllib.loads(blocks("docs/adapters.md", "toml")[1])
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
