"""Tests that wheels and sdists are complete, and that installing one never needs a sibling from an index."""

import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.long
ROOT = Path(__file__).parent.parent
DISTRIBUTIONS = ("mcp-server-core", "mcp-perf-core", "calculator-server", "music21-server")
PACKAGES = {
    "server-core": "server_core",
    "perf-core": "perf_core",
    "calculator-server": "calculator_server",
    "music21-server": "music21_server",
}


def build(source: Path, folder: Path, *kind: str) -> Path:
    command = [sys.executable, "-m", "build", "--no-isolation", *kind, "--outdir", str(folder), str(source)]
    subprocess.run(command, capture_output=True, text=True, check=True)
    (distribution,) = folder.iterdir()
    return distribution


@pytest.fixture(scope="module", params=sorted(PACKAGES))
def distributions(request, tmp_path_factory) -> tuple[str, Path, Path, Path]:
    """Return name, wheel, sdist, and the wheel built from the unpacked sdist."""
    folder = tmp_path_factory.mktemp(request.param)
    package = ROOT / "packages" / request.param
    wheel = build(package, folder / "wheel", "--wheel")
    sdist = build(package, folder / "sdist", "--sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    # Files beside an unpacked sdist must not get into its wheel.
    (unpacked.parent / "k6").mkdir()
    (unpacked.parent / "k6" / "stranger.js").write_text("")
    return request.param, wheel, sdist, build(unpacked, folder / "again", "--wheel")


def wheel_files(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def source_files(package: str) -> set[str]:
    source = ROOT / "packages" / package / "src"
    return {
        path.relative_to(source).as_posix()
        for path in source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_wheel_and_sdist_contain_the_same_files(distributions) -> None:
    name, wheel, sdist, again = distributions
    assert wheel_files(wheel) == source_files(name)
    assert wheel_files(again) == wheel_files(wheel)
    with tarfile.open(sdist) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    assert {f"src/{file}" for file in source_files(name)} <= names
    assert {"pyproject.toml", "README.md", "LICENSE"} <= names


def test_wheel_imports_without_the_checkout(distributions, tmp_path: Path) -> None:
    name, wheel, _sdist, _again = distributions
    target = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)  # noqa: S202 - a wheel that this test has just built
    # -I and -S would hide the dependencies; a path in first place shows that the wheel itself is complete.
    script = (
        f"import sys; sys.path.insert(0, {str(target)!r}); import {PACKAGES[name]} as m; print(m.__file__)"
    )
    if name == "perf-core":
        script += "; from perf_core.load.k6_process import scripts_folder as k6"
        script += "; assert (k6() / 'scenarios' / 'load.js').is_file()"
    if name == "calculator-server":
        script += "; from importlib.resources import files; assert list((files(m) / 'data').iterdir())"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(target))


@pytest.fixture(scope="module")
def without_siblings(tmp_path_factory) -> Path:
    """Return a Python with everything that is installed here except our packages."""
    folder = tmp_path_factory.mktemp("env")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    (site,) = folder.glob("lib/python*/site-packages")
    ours = tuple(name.replace("-", "_") for name in (*DISTRIBUTIONS, *PACKAGES.values()))
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.lstrip("_").startswith(ours) and "editable" not in entry.name:
            (site / entry.name).symlink_to(entry)
    return python


@pytest.fixture(scope="module")
def wheels(tmp_path_factory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("wheels")
    return {name: str(build(ROOT / "packages" / name, folder / name, "--wheel")) for name in PACKAGES}


@pytest.mark.skipif(sys.platform == "win32", reason="the environment is made of symbolic links")
@pytest.mark.parametrize(
    ("requested", "missing"),
    [
        (["server-core"], None),
        (["perf-core"], None),
        (["calculator-server", "server-core"], None),
        (["calculator-server[perf]", "server-core", "perf-core"], None),
        (["music21-server", "server-core"], None),
        (["calculator-server"], "mcp-server-core==0.1.0"),
        (["calculator-server[perf]", "server-core"], "mcp-perf-core==0.1.0"),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, list) else None,
)
def test_siblings_resolve_with_the_index_cut_off(
    requested: list[str], missing: str | None, wheels: dict[str, str], without_siblings: Path
) -> None:
    """Install all local packages with one command, which must not look for any of them on an index."""
    paths = [wheels[name] + bracket + extra for name, bracket, extra in map(split, requested)]
    command = [sys.executable, "-m", "pip", "--python", str(without_siblings), "install"]
    done = subprocess.run(
        [*command, "--no-index", "--dry-run", *paths], capture_output=True, text=True, check=False
    )
    if missing is None:
        assert done.returncode == 0, done.stderr
    else:
        assert f"No matching distribution found for {missing}" in done.stderr


def split(name: str) -> tuple[str, str, str]:
    return name.partition("[")
