"""Installation of what servers need: once, whole, or with the installer's words."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from entrants import Installation
from installing import InstallationError, install

PROXY = Installation("proxy", "pypi", ("a-proxy==1.0",))
BUN = Installation("bun", "npm", ("@oven/bun==1.0",))


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """Replace the installers by ones that succeed; their commands are kept."""
    commands: list[Sequence[str]] = []

    def run(command: Sequence[str], **_: Any) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    return commands


@pytest.mark.parametrize("packages", [PROXY, BUN])
def test_packages_are_installed_once(
    packages: Installation, commands: list[Sequence[str]], tmp_path: Path
) -> None:
    folder = install(packages, tmp_path)
    assert folder == tmp_path / packages.folder
    assert packages.requirements[0] in commands[-1]
    count = len(commands)
    install(packages, tmp_path)
    assert len(commands) == count


def test_another_version_is_installed_anew(commands: list[Sequence[str]], tmp_path: Path) -> None:
    folder = install(PROXY, tmp_path)
    (folder / "old").touch()
    install(Installation("proxy", "pypi", ("a-proxy==2.0",)), tmp_path)
    assert not (folder / "old").exists()
    assert "a-proxy==2.0" in commands[-1]


def test_no_install_script_of_npm_runs(commands: list[Sequence[str]], tmp_path: Path) -> None:
    install(BUN, tmp_path)
    assert "--ignore-scripts" in commands[0]


def test_failed_installation_leaves_nothing_and_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(command: Sequence[str], **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, "", "no matching version")

    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(InstallationError, match="got exit code 1: no matching version"):
        install(BUN, tmp_path)
    assert not (tmp_path / "bun").exists()


def test_missing_installer_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def missing(command: Sequence[str], **_: Any) -> subprocess.CompletedProcess[str]:
        raise FileNotFoundError(2, "No such file or directory", command[0])

    monkeypatch.setattr(subprocess, "run", missing)
    with pytest.raises(InstallationError, match=r"expected npm install .*, got: No such file"):
        install(BUN, tmp_path)
