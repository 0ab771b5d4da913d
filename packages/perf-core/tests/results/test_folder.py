"""The folder of a run, and what prevents it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from perf_core.errors import ResultsError
from perf_core.results.folder import expect_writable, new_folder


def test_folders_of_one_second_get_numbers(tmp_path: Path) -> None:
    folders = {new_folder(tmp_path / "results", "a b/c") for _ in range(3)}
    assert len(folders) == 3
    assert all(folder.is_dir() and "-a_b_c" in folder.name for folder in folders)


def test_writable_folder_need_not_exist_and_is_not_created(tmp_path: Path) -> None:
    expect_writable(tmp_path / "a" / "b")
    expect_writable(Path("results"))
    assert not (tmp_path / "a").exists()


def test_file_in_the_way_is_told(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for parent in (file, file / "results"):
        with pytest.raises(ResultsError, match=r"file is a file\n.*--output-dir"):
            expect_writable(parent)


def test_folder_without_permission_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Root may write everywhere, so that the mode of the folder would not do.
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path) != tmp_path)
    with pytest.raises(ResultsError, match="is not writable"):
        expect_writable(tmp_path / "results")
