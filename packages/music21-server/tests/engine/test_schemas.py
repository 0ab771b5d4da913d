"""Output schemas take their descriptions from the docstrings of fields."""

from __future__ import annotations

from dataclasses import dataclass

from music21_server.engine.schemas import output_schema


@dataclass(frozen=True)
class Row:
    """One row."""

    width: float
    """Width of the row,
    in metres."""


@dataclass(frozen=True)
class Result:
    """A result."""

    rows: tuple[Row, ...]
    """Rows in order."""
    best: Row | None
    """Best row; null without any."""


def test_descriptions_are_the_docstrings_of_fields() -> None:
    schema = output_schema(Result, "rows")
    assert schema["type"] == "object"
    assert schema["properties"]["rows"]["description"] == "Rows in order."
    assert schema["properties"]["best"]["description"] == "Best row; null without any."
    assert schema["$defs"]["Row"]["properties"]["width"]["description"] == "Width of the row, in metres."
    assert set(schema["required"]) == {"score_id", "rows", "best", "page"}
    assert schema["properties"]["page"]["properties"]["next_offset"]["description"]


def test_a_schema_without_pages_has_no_page() -> None:
    assert "page" not in output_schema(Result, None)["properties"]
