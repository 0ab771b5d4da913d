"""Names that code uses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from server_core.fastlane.code_names import CodeNames, Import, code_names

NAME = "text"


def names_of(fn: Any) -> CodeNames:
    return code_names(fn.__code__)


def test_globals_are_read_with_their_attributes() -> None:
    def function(value: Any) -> Any:
        return json.decoder.JSONDecoder.decode, print(value), NAME

    assert names_of(function).chains == {
        ("json", "decoder", "JSONDecoder", "decode"), ("print",), ("NAME",)
    }  # fmt: skip


def test_attributes_of_other_values_are_read_and_assigned() -> None:
    def function(value: Any) -> None:
        value.first.second = value.method().third
        del value.fourth

    assert names_of(function).attributes == {"first", "second", "method", "third", "fourth"}


def test_attributes_of_literals_do_not_count() -> None:
    def function(words: list[str]) -> str:
        return ", ".join(words)

    assert names_of(function).attributes == set()


def test_attributes_of_one_of_several_values_count() -> None:
    def function(value: Any) -> Any:
        return (value or json).loads, (value or ", ").join

    names = names_of(function)
    assert names.attributes == {"loads", "join"}
    assert names.chains == {("json",)}


def test_names_in_nested_functions_and_classes_count() -> None:
    outer = {"key": 1}

    def function(values: list[Any]) -> Any:
        class Local:
            size = len(outer)

        return Local, [each.name for each in values], lambda value: value.other(max)

    names = names_of(function)
    assert {("len",), ("max",)} <= names.chains
    assert ("outer",) in names.free
    assert {"name", "other"} <= names.attributes


def test_variables_of_enclosing_functions_are_read_with_their_attributes() -> None:
    module = json

    def function() -> Any:
        return module.loads

    assert names_of(function).free == {("module", "loads")}


def test_imports_have_module_level_and_names() -> None:
    def function() -> Any:
        import os.path
        from json import dumps, loads

        from .somewhere import thing  # type: ignore[import-not-found]

        return os, dumps, loads, thing

    assert names_of(function).imports == {
        Import("os.path", 0, ()),
        Import("json", 0, ("dumps", "loads")),
        Import("somewhere", 1, ("thing",)),
    }


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        (Import("a.b", 0, ()), "a.b"),
        (Import("a", 1, ()), "package.inner.a"),
        (Import("a", 2, ()), "package.a"),
        (Import("", 1, ("a",)), "package.inner"),
    ],
)
def test_relative_imports_count_from_their_package(statement: Import, name: str) -> None:
    assert statement.absolute_name("package.inner") == name


def test_literal_names_of_getattr_are_attributes() -> None:
    def function(value: Any) -> Any:
        return getattr(value.inner, "first"), getattr(value, "second", None), hasattr(value, "third")  # noqa: B009

    names = names_of(function)
    assert {"first", "second", "third"} <= names.attributes
    assert names.constant_readers == {"getattr", "hasattr"}
    assert names.chains == set()


def computed(value: Any, name: str) -> Any:
    return getattr(value, name)


def inner_call(value: Any, name: str) -> Any:
    return getattr(value("second"), name)


def inner_method(value: Any, name: str) -> Any:
    return getattr(value.get(1, "second"), name)


def passed_on(values: list[Any]) -> Any:
    return list(map(getattr, values, ["a"]))


def unpacked(values: list[Any]) -> Any:
    return getattr(*values)


@pytest.mark.parametrize("function", [computed, inner_call, inner_method, passed_on, unpacked])
def test_any_other_use_of_getattr_is_one_of_its_own(function: Any) -> None:
    assert ("getattr",) in names_of(function).chains


def test_fields_of_format_strings_are_attributes() -> None:
    def function(value: Any) -> str:
        return f"{value.key} {value['x'].inner.most!r:>10}"

    assert {"key", "inner", "most"} <= names_of(function).attributes


def test_attributes_of_class_patterns_count() -> None:
    def function(value: Any) -> Any:
        match value:
            case Exception(args=args):
                return args

    assert "args" in names_of(function).attributes


def test_asynchronous_generators_are_noticed_within() -> None:
    def function() -> Any:
        async def inner() -> Any:
            yield 1

        return inner()

    assert names_of(function).makes_async_generators
    assert not names_of(names_of).makes_async_generators
