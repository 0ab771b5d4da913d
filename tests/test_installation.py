"""Tests that the packages install from a checkout with pip and with uv, with and without extras."""

import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform == "win32", reason="the environment is made of symbolic links"),
]
ROOT = Path(__file__).parent.parent
OURS = (
    *("calculator_server", "music21_server", "mcp_server_core", "mcp_perf_core", "mcp_lab_references"),
    *("server_core", "perf_core", "lab_references"),
)

CALCULATOR = ("./packages/server-core", "./packages/calculator-server")
MUSIC21 = ("./packages/server-core", "./packages/music21-server")
LAB = "./packages/perf-core"
SETS = {
    "perf-core": ((LAB,), "perf-core"),
    "calculator-server": (CALCULATOR, "calculator-server"),
    "calculator-server with perf": ((CALCULATOR[0], LAB, f"{CALCULATOR[1]}[perf]"), "perf-core"),
    "music21-server": (MUSIC21, "music21-server"),
    "music21-server with perf": ((MUSIC21[0], LAB, f"{MUSIC21[1]}[perf]"), "perf-core"),
    "references": ((*CALCULATOR, LAB, "./benchmarks/references"), "perf-core"),
}
INSTALLERS = {
    "pip": (sys.executable, "-m", "pip", "--python", "{python}", "install"),
    "uv": (str(Path(sys.executable).with_name("uv")), "pip", "install", "--python", "{python}"),
}


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """A Python with every dependency that is installed here, and none of our packages."""
    folder = tmp_path / "environment"
    venv.create(folder, with_pip=False)
    (site,) = folder.glob("lib/python*/site-packages")
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if entry.name.lstrip("_").startswith(OURS) or "editable" in entry.name:
            continue
        if entry.suffix == ".dist-info":
            shutil.copytree(entry, site / entry.name)  # uv ignores linked metadata
        else:
            (site / entry.name).symlink_to(entry)
    return folder / "bin" / "python"


@pytest.mark.parametrize("installer", INSTALLERS)
@pytest.mark.parametrize("packages", SETS)
def test_a_checkout_installs_and_its_command_runs(installer: str, packages: str, python: Path) -> None:
    paths, program = SETS[packages]
    # Without an index, so that a missing package fails the test instead of being downloaded.
    command = [word.format(python=python) for word in INSTALLERS[installer]]
    command += ["--no-index", "--no-build-isolation", "-c", "constraints.txt", *paths]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    version = [str(python.with_name(program)), "--version"]
    done = subprocess.run(version, cwd=python.parent, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split()[-1] == "0.1.0", done.stdout


def test_uv_finds_the_siblings_of_a_single_package(python: Path) -> None:
    command = [word.format(python=python) for word in INSTALLERS["uv"]]
    command += ["--no-index", "--no-build-isolation", "./packages/calculator-server[perf]"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "mcp-server-core" in done.stderr
    assert "mcp-perf-core" in done.stderr
