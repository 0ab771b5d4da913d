"""Tests of installations, without installing anything."""

from __future__ import annotations

from pathlib import Path

import installed_packages
import pytest
from installed_packages import InstallationError, Packages, bin_of, folder_of, install, npm, pypi


def test_name_and_version_of_packages() -> None:
    server = npm("@modelcontextprotocol/server-memory@2026.8.31")
    assert (server.name, server.version) == ("@modelcontextprotocol/server-memory", "2026.8.31")
    old = pypi("fastmcp==2.3.5", "mcp==1.9.4")
    assert (old.name, old.version) == ("fastmcp", "2.3.5")


def test_each_set_of_packages_has_a_folder_of_its_own(tmp_path: Path) -> None:
    folders = {folder_of(pypi("mcp==1.9.4"), tmp_path), folder_of(pypi("mcp==1.26.0"), tmp_path)}
    assert len(folders) == 2
    assert all(folder.parent == tmp_path for folder in folders)
    assert bin_of(npm("@a/b@1.0"), tmp_path).parts[-2:] == ("node_modules", ".bin")


@pytest.mark.parametrize("server", [pypi("some-server==1.0"), npm("@some/server@1.0")])
def test_packages_are_installed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Packages
) -> None:
    commands: list[tuple[str, ...]] = []
    monkeypatch.setattr(installed_packages, "_run", lambda _packages, *command: commands.append(command))
    folder = install(server, tmp_path)
    first = list(commands)
    assert install(server, tmp_path) == folder
    assert commands == first
    assert server.requirements[0] in first[-1]
    assert "--no-package-lock" in first[-1] or "pip" in first[-1][0]


def test_a_failed_installation_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise InstallationError("expected it to install, got exit code 1")

    monkeypatch.setattr(installed_packages, "_run", fail)
    for _ in range(2):
        with pytest.raises(InstallationError):
            install(pypi("some-server==1.0"), tmp_path)
