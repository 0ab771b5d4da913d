"""Kinds of values, and what is read of them without running their code."""

from __future__ import annotations

import json
import operator
import sys
from collections import deque
from typing import Any

import pytest

from server_core.fastlane import value_kinds
from server_core.fastlane.value_kinds import (
    MISSING,
    class_of,
    contents,
    dynamic_name,
    is_code,
    is_constant,
    module_attribute,
    own_attributes,
)


class Slotted:
    __slots__ = ("__dict__", "first", "second")

    def __init__(self) -> None:
        self.first = 1
        self.other = 2

    def __getattr__(self, name: str) -> Any:
        raise AssertionError("own code must not run")

    @property
    def computed(self) -> int:
        raise AssertionError("own code must not run")


def test_attributes_are_read_without_running_code() -> None:
    assert own_attributes(Slotted(), Slotted) == [("first", 1), ("other", 2)]
    assert own_attributes(1, int) == []


def test_attributes_of_modules_are_read_without_running_code() -> None:
    assert module_attribute(json, "loads") is json.loads
    assert module_attribute(json, "decoder") is json.decoder
    assert module_attribute(json, "no_such_thing") is MISSING


def test_a_variable_without_a_value_has_no_contents() -> None:
    def outer() -> Any:
        def inner() -> Any:
            return later

        cells = inner.__closure__ or ()
        before = contents(cells[0])
        later = 1
        return before, contents(cells[0])

    assert outer() == ((), (1,))


@pytest.mark.parametrize(
    "value",
    [len, json.loads, int, Slotted.computed, staticmethod(len)],
    ids=lambda value: type(value).__name__,
)
def test_functions_and_classes_are_code(value: object) -> None:
    assert is_code(value)


@pytest.mark.parametrize(
    "value", [1, None, "text", (1, "a"), frozenset({1}), json], ids=lambda value: type(value).__name__
)
def test_values_that_can_hold_no_code_are_constant(value: object) -> None:
    assert is_constant(value)


@pytest.mark.parametrize(
    "value", [[], {}, (1, []), Slotted(), deque()], ids=lambda value: type(value).__name__
)
def test_values_that_can_hold_code_are_neither(value: object) -> None:
    assert not is_constant(value)
    assert not is_code(value)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (getattr, "getattr"),
        (operator.attrgetter, "operator.attrgetter"),
        (sys.modules, "sys.modules"),
        (len, ""),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_finds_code_by_name_has_a_name(value: object, name: str) -> None:
    assert dynamic_name(value) == name


def test_the_class_of_a_class_is_itself() -> None:
    assert class_of(int) is int
    assert class_of(1) is int
    assert class_of(value_kinds) is type(value_kinds)
