"""Tests of where the suite comes from, without a network."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
import suite_source
from suite_source import SuiteError, source_of, unpack


def archive(path: Path, *names: str) -> Path:
    with tarfile.open(path, "w:gz") as file:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = 1
            file.addfile(member, io.BytesIO(b"x"))
    return path


class Pip:
    """Stands in for pip: writes an archive with the given members, or fails."""

    def __init__(self, *names: str, code: int = 0) -> None:
        self._names = names
        self._code = code
        self.commands: list[list[str]] = []

    def __call__(self, command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        self.commands.append(command)
        folder = Path(command[command.index("--dest") + 1])
        if self._code == 0:
            archive(folder / "fastmcp-9.9.9.tar.gz", *self._names)
        return subprocess.CompletedProcess(command, self._code, "", "ERROR: No matching distribution\n")


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> Pip:
    pip = Pip("fastmcp-9.9.9/tests/conftest.py", "fastmcp-9.9.9/pyproject.toml")
    monkeypatch.setattr(suite_source.subprocess, "run", pip)
    return pip


def test_the_source_distribution_is_downloaded_once(pip: Pip, tmp_path: Path) -> None:
    source = source_of("9.9.9", tmp_path / "cache")
    assert (source / "pyproject.toml").is_file()
    assert source_of("9.9.9", tmp_path / "cache") == source
    (command,) = pip.commands
    assert command[:4] == [sys.executable, "-m", "pip", "download"]
    assert command[-1] == "fastmcp==9.9.9"
    assert "--no-deps" in command


def test_nothing_else_stays_in_the_cache(pip: Pip, tmp_path: Path) -> None:
    source = source_of("9.9.9", tmp_path)
    assert list(tmp_path.iterdir()) == [source]


def test_the_path_is_absolute(pip: Pip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert source_of("9.9.9", Path("cache")).is_absolute()


def test_a_failed_download_is_reported_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suite_source.subprocess, "run", Pip(code=1))
    with pytest.raises(SuiteError, match="No matching distribution"):
        source_of("9.9.9", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_distribution_without_tests_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite_source.subprocess, "run", Pip("fastmcp-9.9.9/pyproject.toml"))
    with pytest.raises(SuiteError, match="expected tests"):
        source_of("9.9.9", tmp_path)


def test_an_archive_with_several_folders_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="got 2"):
        unpack(archive(tmp_path / "fastmcp-1.tar.gz", "a/x", "b/x"), tmp_path)


def test_an_archive_cannot_write_outside_its_folder(tmp_path: Path) -> None:
    with pytest.raises(tarfile.TarError):
        unpack(archive(tmp_path / "fastmcp-1.tar.gz", "../escaped"), tmp_path / "folder")
    assert not (tmp_path / "escaped").exists()
