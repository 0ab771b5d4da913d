"""Tests of imports between packages and folders, of pinned versions, and of the documented tree."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = sorted(path.parent for path in ROOT.glob("packages/*/pyproject.toml"))


def project(package: Path) -> dict:
    return tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.mark.process
def test_import_contracts_hold() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_siblings_are_pinned_exactly() -> None:
    versions = {project(package)["name"]: project(package)["version"] for package in PACKAGES}
    assert set(versions) == {"mcp-perf-core", "mcp-server-core", "calculator-server", "music21-server"}
    pinned = set()
    for package in PACKAGES:
        metadata = project(package)
        extras = metadata.get("optional-dependencies", {}).values()
        for requirement in [*metadata["dependencies"], *(r for extra in extras for r in extra)]:
            name = requirement.split("[")[0].split("=")[0].split(">")[0].strip()
            if name in versions:
                assert requirement.endswith(f"=={versions[name]}"), f"{package.name}: {requirement}"
                pinned.add((package.name, name))
    servers = ("calculator-server", "music21-server")
    assert pinned == {(server, core) for server in servers for core in ("mcp-server-core", "mcp-perf-core")}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_package_has_readme_licence_type_marker_and_tests(package: Path) -> None:
    (source,) = [path for path in (package / "src").iterdir() if path.is_dir() and not path.suffix]
    for name in ("README.md", "LICENSE", "pyproject.toml", f"src/{source.name}/py.typed"):
        assert (package / name).is_file(), name
    assert any((package / "tests").rglob("test_*.py"))


def test_root_link_points_to_the_k6_scripts() -> None:
    assert (ROOT / "k6").is_symlink()
    assert (ROOT / "k6").resolve() == ROOT / "packages" / "perf-core" / "src" / "perf_core" / "k6"


def tracked_files() -> list[Path]:
    command = ["git", "ls-files", "-z"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in done.stdout.split("\0") if name]


def test_no_lock_file_and_no_address_in_the_constraints() -> None:
    names = {path.name for path in tracked_files()}
    assert not names & {"uv.lock", "package-lock.json", "pylock.toml", "poetry.lock"}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        assert line.startswith("#") or ("==" in line and "/" not in line), line


def test_k6_scripts_import_nothing_remote() -> None:
    imports = [
        f"{script.name}: {line}"
        for script in (ROOT / "k6").resolve().rglob("*.js")
        for line in script.read_text(encoding="utf-8").splitlines()
        if line.lstrip().startswith(("import ", "} from "))
    ]
    assert len(imports) > 50
    assert [line for line in imports if re.search("https?:", line)] == []


def floors_in_the_docs(package: str) -> list[list[str]]:
    """Return a listing in docs/architecture.md: the entries of each floor, from the top down."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    _, heading, after = text.partition(f"\n### {package}\n\n```text\n")
    assert heading, f"docs/architecture.md has no listing of {package}"
    rows = [re.split(r"\s{2,}", line)[0] for line in after.partition("```")[0].splitlines()]
    return [[entry.rstrip("/") for entry in row.split(" | ")] for row in rows]


def folder_of(package: str) -> Path:
    top, *below = package.split(".")
    (folder,) = ROOT.glob(f"packages/*/src/{top}")
    return folder.joinpath(*below)


def layered_packages() -> dict[str, list[list[str]]]:
    """Return the floors that import-linter enforces, by package."""
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = document["tool"]["importlinter"]["contracts"]
    return {
        contract["containers"][0]: [layer.split(" | ") for layer in contract["layers"]]
        for contract in contracts
        if contract["type"] == "layers"
    }


@pytest.mark.parametrize("package", layered_packages())
def test_documented_floors_are_the_enforced_ones(package: str) -> None:
    floors = layered_packages()[package]
    assert floors_in_the_docs(package) == floors
    entries = {path.stem for path in folder_of(package).iterdir() if path.suffix == ".py" or is_package(path)}
    assert {entry for floor in floors for entry in floor} == entries - {"__init__"}


def test_modules_named_after_the_listings_exist() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    names = set(re.findall(r"`((?:[a-z]\w*\.)+[a-z]\w*)`", text.partition("## How a run works")[2]))
    modules = {
        name for name in names if name.rpartition(".")[2] not in {"html", "json", "md", "prom", "xml", "js"}
    }
    assert len(modules) > 30
    sources = [path for path in ROOT.glob("packages/*/src/*") if path.is_dir()]
    paths = {name: name.removeprefix("server_core.").replace(".", "/") for name in modules}
    missing = {
        name
        for name, path in paths.items()
        if not any((source / f"{path}.py").is_file() or is_package(source / path) for source in sources)
    }
    assert missing == set()


def is_package(path: Path) -> bool:
    return (path / "__init__.py").is_file()


@pytest.mark.parametrize(
    ("package", "most"), [("perf_core", 20), ("music21_server", 22), ("music21_server.theory", 10)]
)
def test_folders_have_few_entries(package: str, most: int) -> None:
    skipped = {"__pycache__", "data", "py.typed"}
    entries = [path.name for path in folder_of(package).iterdir() if path.name not in skipped]
    assert len(entries) <= most, sorted(entries)


def test_theory_has_at_most_four_floors() -> None:
    assert len(layered_packages()["music21_server.theory"]) <= 4
