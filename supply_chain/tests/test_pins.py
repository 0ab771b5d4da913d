"""Tests that everything that is installed or run has a pinned version."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
import yaml
from audit import ROOT, package_files
from hashes import CONSTRAINTS, EXTRAS, FILE, OURS, normalised, pins
from packaging.requirements import Requirement

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PROJECTS = [*ROOT.glob("packages/*/pyproject.toml"), ROOT / "benchmarks" / "references" / "pyproject.toml"]
PINS = pins(CONSTRAINTS.read_text(encoding="utf-8"))
HASHED = FILE.read_text(encoding="utf-8") if FILE.is_file() else ""


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_by_commit_with_their_release(path: Path) -> None:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if "uses:" in line]
    assert lines
    for line in lines:
        assert re.search(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_install_pinned_versions_and_may_only_read(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    installs = re.findall(r"pip install (.*)", text)
    assert installs
    assert all(install.startswith("-c constraints.txt ") for install in installs)
    assert yaml.safe_load(text)["permissions"] == {"contents": "read"}


@pytest.mark.parametrize("path", PROJECTS, ids=lambda path: path.parent.name)
def test_build_backends_are_pinned_to_the_version_that_is_tested(path: Path) -> None:
    (backend,) = tomllib.loads(path.read_text(encoding="utf-8"))["build-system"]["requires"]
    assert backend == f"hatchling=={PINS['hatchling']}"


def test_nox_is_pinned() -> None:
    assert "nox" in PINS


@pytest.mark.parametrize("path", package_files(ROOT), ids=lambda path: path.parent.name)
def test_node_packages_are_pinned(path: Path) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    versions = {**document.get("dependencies", {}), **document.get("devDependencies", {})}
    assert versions
    assert all(re.fullmatch(r"\d+\.\d+\.\d+(-[\w.]+)?", version) for version in versions.values()), versions


def test_updates_are_proposed_for_every_kind_of_pin() -> None:
    document = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text(encoding="utf-8"))
    folders: dict[str, set[str]] = {}
    for update in document["updates"]:
        places = update.get("directories", [update.get("directory")])
        folders.setdefault(update["package-ecosystem"], set()).update(places)
    assert folders["github-actions"] == {"/"}
    assert folders["pip"] == {"/", "/packages/*", "/benchmarks/references"}
    node = {f"/{path.parent.relative_to(ROOT)}".replace("/.", "/") for path in package_files(ROOT)}
    assert folders["npm"] == node


# --- hashes of releases ---


def test_every_package_of_a_release_has_hashes_and_the_tested_version() -> None:
    versions = pins(HASHED)
    assert len(versions) > 60
    assert {name: PINS.get(name, version) for name, version in versions.items()} == versions
    assert not OURS & set(versions)
    for entry in re.split(r"\n(?=[A-Za-z])", HASHED.partition("\n\n")[2] or HASHED):
        if "==" in entry.partition("\n")[0]:
            assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry), entry[:80]


def test_hashes_name_no_index() -> None:
    assert "://" not in HASHED
    assert "index-url" not in HASHED


def test_everything_that_the_servers_need_here_is_in_the_file() -> None:
    hashed = set(pins(HASHED))
    waiting = [
        (name, extra) for name in ("calculator-server", "music21-server", "hatchling") for extra in ("",)
    ]
    waiting += [("music21-server", extra) for extra in EXTRAS] + [
        ("mcp-server-core", extra) for extra in EXTRAS
    ]
    seen: set[tuple[str, str]] = set()
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        try:
            requirements = [Requirement(text) for text in requires(name) or []]
        except PackageNotFoundError:
            continue  # of an extra that is not installed here
        for requirement in requirements:
            if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
                needed = normalised(requirement.name)
                waiting += [(needed, each) for each in ("", *requirement.extras)]
                assert needed in hashed | OURS, f"{name} needs {needed}: run nox -s hashes"
