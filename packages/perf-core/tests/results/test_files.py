"""Files are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from perf_core.errors import ResultsError
from perf_core.results.files import write_atomically, write_json


def test_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_atomically(path, b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    path = tmp_path / "a.json"
    write_atomically(path, b"old")

    def full(*_arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os if step == "fsync" else Path, step, full)
    with pytest.raises(ResultsError, match=r"cannot write .*a\.json: No space left on device") as caught:
        write_atomically(path, b"new", "Free some space.")
    assert caught.value.hint == "Free some space."
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_missing_folder_is_a_results_error(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"cannot write .*a\.json") as caught:
        write_atomically(tmp_path / "nowhere" / "a.json", b"")
    assert "--output-dir" in caught.value.hint


def test_json_is_indented_and_ends_with_a_newline(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"name": "é\udce9"})
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == '{\n "name": "é?"\n}\n'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()])
def test_values_that_json_lacks_are_not_written(tmp_path: Path, value: object) -> None:
    with pytest.raises(ResultsError, match=r"expected values that JSON can represent in .*a\.json"):
        write_json(tmp_path / "a.json", {"value": value})
    assert list(tmp_path.iterdir()) == []
