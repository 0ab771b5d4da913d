"""Result files of a kind: written, read back, and refused."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from perf_core.errors import ResultsError
from perf_core.results.documents import DocumentKind


@dataclass(frozen=True)
class Weight:
    weight_kb: float
    parts: tuple[str, ...] = ()


WEIGHTS = DocumentKind("weight", 2, Weight)
WEIGHT = Weight(12.5, ("head", "tail"))


def test_document_is_read_back_unchanged(tmp_path: Path) -> None:
    path = WEIGHTS.write(WEIGHT, tmp_path)
    assert path == tmp_path / "weight.json"
    assert WEIGHTS.read(path) == WEIGHTS.read(tmp_path) == WEIGHT
    assert list(json.loads(path.read_text()))[:2] == ["schema", "kind"]


def test_document_of_an_earlier_schema_gets_defaults(tmp_path: Path) -> None:
    (tmp_path / "weight.json").write_text('{"schema": 1, "kind": "weight", "weight_kb": 3}')
    assert WEIGHTS.read(tmp_path) == Weight(3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"schema": 3, "weight_kb": 1}', "expected a weight of schema 1 to 2 in .*, got schema 3"),
        ('{"schema": 1, "kind": "height"}', "expected a weight in .*, got a file of kind 'height'"),
        ('{"schema": 1}', r"is not a weight: (?s:.*)weight_kb"),
        ("{}", "is not a weight"),
        ("[1]", "is not a weight"),
        ("nonsense", "is not a weight"),
        (b"\xff", "is not a weight"),
    ],
)
def test_malformed_file_is_refused(tmp_path: Path, content: str | bytes, message: str) -> None:
    (tmp_path / "weight.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ResultsError, match=message):
        WEIGHTS.read(tmp_path)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"cannot read .*weight\.json: No such file"):
        WEIGHTS.read(tmp_path)
