"""Modules by what they can know of a request."""

from __future__ import annotations

import json
import math
import sys
from types import ModuleType

import fastmcp.exceptions
import fastmcp.server.dependencies
import mcp_types
import pydantic
import pytest
from fastmcp import FastMCP

from server_core import callers
from server_core.fastlane import innocent_modules
from server_core.fastlane.innocent_modules import LoadedModules, defining_module, is_request_bound


@pytest.mark.parametrize(
    "value",
    [fastmcp, FastMCP, FastMCP("app"), fastmcp.server.dependencies.get_context, fastmcp.Client],
    ids=lambda value: str(value).split(" at 0x")[0],
)
def test_what_belongs_to_a_serving_framework_is_request_bound(value: object) -> None:
    assert is_request_bound(value)


@pytest.mark.parametrize(
    "value",
    [
        json,
        json.dumps,
        1,
        len,
        fastmcp.exceptions.ToolError,
        fastmcp.exceptions.ToolError("x"),
        callers.caller,
    ],
    ids=lambda value: str(value).split(" at 0x")[0],
)
def test_what_is_the_same_for_each_request_is_not(value: object) -> None:
    assert not is_request_bound(value)


def test_a_wrapper_belongs_to_the_module_of_its_code() -> None:
    import functools

    @functools.wraps(json.dumps)
    def wrapper() -> None:
        pass

    assert wrapper.__module__ == "json"
    assert defining_module(wrapper) == __name__


@pytest.mark.parametrize("name", ["json", "asyncio.events", "builtins", "pydantic.main", "mcp_types"])
def test_the_standard_library_and_unrelated_packages_are_innocent(name: str) -> None:
    assert LoadedModules().is_innocent(name)


@pytest.mark.parametrize("name", ["fastmcp.utilities.types", "server_core.tools", "__main__", __name__, "x"])
def test_frameworks_and_the_apps_own_modules_are_not(name: str) -> None:
    assert not LoadedModules().is_innocent(name)


def test_an_installed_package_is_not_innocent_once_it_imports_a_framework(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    package, module = ModuleType("helpful"), ModuleType("helpful.deep")
    package.__spec__ = pydantic.__spec__  # it comes from the same folder of installed packages
    monkeypatch.setitem(sys.modules, "helpful", package)
    monkeypatch.setitem(sys.modules, "helpful.deep", module)
    assert LoadedModules().is_innocent("helpful")
    module.get = fastmcp.server.dependencies.get_http_headers  # type: ignore[attr-defined]
    assert not LoadedModules().is_innocent("helpful")
    assert not LoadedModules().is_innocent("helpful.other")


class Outer:
    @property
    def of_the_outer_class(self) -> int:
        return 1

    class Inner:
        def of_the_inner_class(self) -> int:
            return 2


def test_members_of_a_modules_classes_are_listed_by_name() -> None:
    members = LoadedModules().members(__name__)
    assert Outer.__dict__["of_the_outer_class"] in members["of_the_outer_class"]
    assert Outer.Inner.of_the_inner_class in members["of_the_inner_class"]
    assert "loads" not in members
    assert LoadedModules().members("not_loaded") == {}


def test_code_sees_the_modules_that_its_own_names_lead_to(monkeypatch: pytest.MonkeyPatch) -> None:
    far, near, other = ModuleType("far"), ModuleType("near"), ModuleType("other")
    near.__dict__["far"] = far
    near.__dict__["math"] = math
    far.__dict__["near"] = near
    for module in (far, near, other):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    modules = LoadedModules()
    assert modules.seen_from("near") == modules.seen_from("far") == {"near", "far"}
    assert modules.seen_from("other") == {"other"}


def test_loaded_modules_are_read_once_until_another_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    first = innocent_modules.loaded_modules()
    assert innocent_modules.loaded_modules() is first
    monkeypatch.setitem(sys.modules, "one_more_module", ModuleType("one_more_module"))
    assert innocent_modules.loaded_modules() is not first


def test_the_types_of_the_protocol_are_no_framework() -> None:
    assert not is_request_bound(mcp_types.TextContent)
