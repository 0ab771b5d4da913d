"""Parts that several answers share."""

from __future__ import annotations

import json

from perf_core.targets.discovery.stable import same, shape_of, stable_parts, stable_pieces


def test_largest_shared_parts_have_pointers() -> None:
    values = [{"a": 1, "b": {"c": [1, 2], "d": n}, "e/f~": "x", "g": n, "h": [n, "k"]} for n in (3, 4, 5)]
    assert stable_parts(values) == {"/a": 1, "/b/c": [1, 2], "/e~1f~0": "x", "/h/1": "k"}


def test_json_within_texts_is_looked_into() -> None:
    values = [{"text": json.dumps({"id": 7, "seen": n})} for n in (1, 2)]
    assert stable_parts(values, "/content/0") == {"/content/0/text/id": 7}


def test_parts_that_say_nothing_do_not_stand_alone() -> None:
    assert stable_parts([{"ok": True, "n": 1, "l": []}, {"ok": True, "n": 2, "l": []}]) == {}
    assert stable_parts([{"ok": True, "n": 1, "m": 5}, {"ok": True, "n": 2, "m": 5}]) == {
        "/ok": True,
        "/m": 5,
    }


def test_one_is_something_and_true_is_not() -> None:
    assert stable_parts([{"n": 1, "x": 5}, {"n": 1, "x": 6}]) == {"/n": 1}
    assert stable_parts([{"n": 0, "x": 5}, {"n": 0, "x": 6}]) == {"/n": 0}


def test_members_that_one_answer_lacks_are_not_stable() -> None:
    assert stable_parts([{"a": 1, "b": 2}, {"b": 2}]) == {"/b": 2}
    assert stable_parts([[1, 2, 3], [1, 2]]) == {"/0": 1, "/1": 2}


def test_true_is_not_one() -> None:
    assert not same([{"a": 1}, {"a": True}])
    assert same([{"a": 1, "b": 2}, {"b": 2, "a": 1}])


def test_pieces_of_texts_are_the_longest_first() -> None:
    texts = [f"Oslo: {n} degrees, windy" for n in (3, 14, 25)]
    assert stable_pieces(texts) == [" degrees, windy", "Oslo: "]
    assert stable_pieces(["abc", "xyz"]) == []
    assert stable_pieces(["now: 27.3 degrees", "now: 28.1 degrees"]) == [" degrees", "now: "]
    assert stable_pieces(["----------1", "----------2"]) == [], "no letters or digits"
    assert stable_pieces(["same text"] * 3) == ["same text"]


def test_shape_has_the_types_that_all_share() -> None:
    values = [
        {"a": 1, "b": "x", "c": [1, 2], "d": None, "e": True, "f": []},
        {"a": 2.5, "b": "y", "c": [], "d": 3, "e": False, "f": [], "g": 1},
    ]
    types = {"a": "number", "b": "string", "c": ["number"], "d": "any", "e": "boolean", "f": []}
    assert shape_of(values) == types
    assert shape_of([{"l": [{"x": 1, "y": 2}, {"x": 3}]}]) == {"l": [{"x": "number"}]}
