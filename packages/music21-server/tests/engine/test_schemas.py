"""Schemas carry what docstrings say."""

from __future__ import annotations

from dataclasses import dataclass

from music21_server.engine.schemas import output_schema


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
        width: Of it, in
            metres.
    """

    width: float


@dataclass(frozen=True)
class Result:
    """A result.

    Attributes:
        rows: In ``order``.
        best: None without any.

    Further words.
    """

    rows: tuple[Row, ...]
    best: Row | None


def test_descriptions_come_from_attributes() -> None:
    schema = output_schema(Result, "rows")
    assert schema["type"] == "object"
    assert schema["properties"]["rows"]["description"] == "In `order`."
    assert schema["properties"]["best"]["description"] == "None without any."
    assert schema["$defs"]["Row"]["properties"]["width"]["description"] == "Of it, in metres."
    assert set(schema["required"]) == {"score_id", "rows", "best", "page"}
    assert schema["properties"]["page"]["properties"]["next_offset"]["description"]


def test_a_short_answer_has_no_page() -> None:
    assert "page" not in output_schema(Result, None)["properties"]
