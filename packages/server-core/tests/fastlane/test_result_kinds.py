"""Kinds of results that may be written only once, and kinds that may not."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, PlainSerializer, TypeAdapter, computed_field
from typing_extensions import TypedDict

from server_core.fastlane.result_kinds import has_lists, has_simple_fields, is_simple


class Colour(Enum):
    RED = "red"


class Point(BaseModel):
    x: float
    type: Literal["point"] = "point"


class Line(BaseModel):
    config: list[Point]
    default: Line | None = None


class Row(TypedDict):
    name: str


@dataclass
class Pair:
    left: int
    right: Point


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class Hidden(BaseModel):
    config: Any


class Doubled(BaseModel):
    x: int

    @computed_field  # type: ignore[prop-decorator]
    @property
    def double(self) -> int:
        return 2 * self.x


@pytest.mark.parametrize(
    "kind",
    [
        *(int, str, float | None, list[int], dict[str, list[float]], tuple[int, str], Colour, Literal["a"]),
        *(datetime.datetime, Point, Line, Row, Pair, dict[str, Point | Pair]),
    ],
)
def test_values_that_are_alike_each_time(kind: Any) -> None:
    assert is_simple(TypeAdapter(kind).core_schema)


@pytest.mark.parametrize(
    "kind",
    [
        *(Any, bytes, dict[str, Any], list[bytes], Iterable[int], Open, Hidden, Doubled, list[Hidden]),
        Annotated[int, PlainSerializer(str)],
    ],
)
def test_values_that_may_differ(kind: Any) -> None:
    assert not is_simple(TypeAdapter(kind).core_schema)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(float, False), (dict[str, float], False), (Pair, False), (Line, True), (dict[str, list[int]], True)],
)
def test_lists_in_whose_place_iterators_may_be(kind: Any, *, expected: bool) -> None:
    assert has_lists(TypeAdapter(kind).core_schema) is expected


def test_classes_without_a_schema_of_their_own_may_hold_anything() -> None:
    assert has_simple_fields(Point)
    assert not has_simple_fields(Pair)
    assert not has_simple_fields(Hidden)
