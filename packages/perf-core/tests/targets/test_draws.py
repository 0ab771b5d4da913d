"""Values that a target file draws by seed."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from perf_core.targets.draws import DrawError, Drawing, draw, drawing_of
from perf_core.targets.file_model import DrawTable

CITIES = 'city,days,answer\nOslo,3,"{""t"": 4}"\n\nBergen,2.5,null\n'


def drawing(folder: Path, **fields: Any) -> Drawing:
    return drawing_of(DrawTable.model_validate(fields), folder)


def drawn(source: Drawing, count: int = 1000) -> list[Any]:
    rng = random.Random(1)  # noqa: S311 - a draw of load, not a secret
    return [draw({"value": source}, rng)["value"] for _ in range(count)]


def test_range_of_whole_numbers_has_both_ends(tmp_path: Path) -> None:
    values = drawn(drawing(tmp_path, range=[-1, 3]))
    assert set(values) == {-1, 0, 1, 2, 3}
    assert all(isinstance(value, int) for value in values)


def test_range_with_a_fraction_has_fractions(tmp_path: Path) -> None:
    values = drawn(drawing(tmp_path, range=[0.5, 2]))
    assert 0.5 <= min(values) < max(values) <= 2
    assert len(set(values)) > 900


def test_choices_have_their_weights_and_types(tmp_path: Path) -> None:
    counts = Counter(map(str, drawn(drawing(tmp_path, choice=["a", {"b": 1}, 3], weights=[8, 1.5, 0]))))
    assert counts["a"] == pytest.approx(1000 * 8 / 9.5, abs=50)
    assert set(counts) == {"a", "{'b': 1}"}


def test_lines_of_a_text(tmp_path: Path) -> None:
    (tmp_path / "cities.txt").write_bytes("\ufeffOslo\r\n\r\n  \r\nTrom\u2028sø\n".encode())
    assert set(drawn(drawing(tmp_path, lines="cities.txt"), 50)) == {"Oslo", "Trom\u2028sø"}


def test_columns_of_a_file_are_drawn_together(tmp_path: Path) -> None:
    (tmp_path / "cities.csv").write_text(CITIES, encoding="utf-8")
    sources = {
        "city": drawing(tmp_path, lines="cities.csv", column="city"),
        "days": drawing(tmp_path, lines="cities.csv", column="days", type="number"),
        "answer": drawing(tmp_path, lines="cities.csv", column="answer", type="json"),
        "line": drawing(tmp_path, lines="cities.csv"),
    }
    (tmp_path / "sub").mkdir()
    sources["days"] = drawing(tmp_path, lines="sub/.././cities.csv", column="days", type="number")
    rng = random.Random(1)  # noqa: S311 - a draw of load, not a secret
    seen = {tuple(map(str, draw(sources, rng).values())) for _ in range(100)}
    assert {row[:3] for row in seen} == {("Oslo", "3", "{'t': 4}"), ("Bergen", "2.5", "None")}
    assert len({row[3] for row in seen}) == 3, "whole lines have the names of columns, too"


def test_same_seed_draws_the_same(tmp_path: Path) -> None:
    assert drawn(drawing(tmp_path, range=[1, 1000])) == drawn(drawing(tmp_path, range=[1, 1000]))


@pytest.mark.parametrize(
    ("text", "fields", "says"),
    [
        ("a,b\n1,2\n", {"column": "c"}, "expected one of the columns a, b, got 'c'"),
        ("city\nOslo\n", {"column": "citi"}, "did you mean 'city'?"),
        ("a,b\n1\n", {"column": "b"}, "expected a value of 'b' in line 2, got a shorter line"),
        ("a,b\n1,2,3\n", {"column": "b"}, "expected 2 values in line 2, got a longer line"),
        ("a,a\n1,2\n", {"column": "a"}, "expected one column named 'a', got 2"),
        ('a,b\n1,"2\n3,4\n', {"column": "a"}, "expected lines of CSV whose quotes end in the same value"),
        ('a,b\n1,"2\n3,"4"\n', {"column": "a"}, "expected lines of CSV whose quotes end in the same value"),
        ("a\n", {"column": "a"}, "expected a file with at least one line of values"),
        ("", {"column": "a"}, "expected one of the columns none, got 'a'"),
        ("\n \n", {}, "expected a file with at least one line of values"),
        ("a\n1\nx\n", {"column": "a", "type": "number"}, "expected number in line 3 of f.csv, got 'x'"),
        ("a\ntrue\n", {"column": "a", "type": "number"}, "expected a number in line 2 of f.csv, got 'true'"),
        ("a\n[\n", {"column": "a", "type": "json"}, "expected json in line 2"),
        ("a\nNaN\n", {"column": "a", "type": "number"}, "line 2 of f.csv, got 'NaN'"),
    ],
)
def test_file_that_cannot_be_used_is_named_with_its_line(
    tmp_path: Path, text: str, fields: dict[str, str], says: str
) -> None:
    (tmp_path / "f.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DrawError) as caught:
        drawing(tmp_path, lines="f.csv", **fields)
    assert says in str(caught.value)


def test_binary_or_missing_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_bytes(b"a\n\xff\xfe\n")
    for name in ("f.csv", "none.csv", "."):
        with pytest.raises(DrawError, match="expected a file"):
            drawing(tmp_path, lines=name)
