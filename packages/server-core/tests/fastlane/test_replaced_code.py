"""Code in place of a library's: in subclasses, in objects and in the library's own classes."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from fastmcp import FastMCP
from fastmcp.server.low_level import LowLevelServer
from fastmcp.server.providers.local_provider import LocalProvider
from fastmcp.tools import FunctionTool

from server_core.fastlane.app_eligibility import _LIBRARY_CLASSES
from server_core.fastlane.replaced_code import class_attribute, instance_attributes, patched, replaced_in


async def other(*_args: Any, **_kwargs: Any) -> None:
    return None


async def echo(text: str) -> str:
    return text


class Harmless(FastMCP[Any]):
    """Makes its own tools and has methods that FastMCP does not know."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__("harmless")
        self.tool(echo)

    def __repr__(self) -> str:
        return "harmless"

    async def of_its_own(self) -> None:
        return None


class Looking(FastMCP[Any]):
    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


class Listing:
    list_tools: Any = other


class WithMixin(Listing, FastMCP[Any]):
    pass


class WithProperty(FastMCP[Any]):
    @property
    def providers(self) -> list[Any]:
        return []

    @providers.setter
    def providers(self, value: list[Any]) -> None:
        pass


def test_an_untouched_app_replaces_nothing() -> None:
    app: FastMCP[Any] = FastMCP("app")
    assert list(replaced_in(app, FastMCP)) == []
    assert list(replaced_in(app.local_provider, LocalProvider)) == []
    assert list(replaced_in(app._mcp_server, LowLevelServer)) == []
    assert app._mcp_server.server_info_stamp, "a cached property is no replacement"
    assert list(replaced_in(app._mcp_server, LowLevelServer)) == []
    assert list(replaced_in(Harmless(), FastMCP)) == []


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (Looking, "Looking.__getattr__"),
        (WithMixin, "Listing.list_tools"),
        (WithProperty, "WithProperty.providers"),
    ],
)
def test_what_a_class_overrides_is_found(kind: Any, name: str) -> None:
    assert list(replaced_in(kind("app"), FastMCP)) == [name]


def test_an_object_of_another_class_is_a_replacement() -> None:
    assert list(replaced_in(object(), FastMCP)) == ["object"]


def test_an_attribute_that_hides_a_method_is_found() -> None:
    app: FastMCP[Any] = FastMCP("app")
    app.call_tool = other  # type: ignore[method-assign, assignment]
    app.notes = other  # type: ignore[attr-defined]
    assert list(replaced_in(app, FastMCP)) == ["FastMCP.call_tool"]


def test_the_libraries_as_installed_are_not_patched() -> None:
    assert list(patched(_LIBRARY_CLASSES)) == []


def _wrapped(original: Any) -> Any:
    @functools.wraps(original)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        return await original(*args, **kwargs)

    return wrapper


@contextlib.contextmanager
def _manager() -> Iterator[None]:
    yield


@pytest.mark.parametrize(
    "replacement",
    [
        *(other, _wrapped(FastMCP.call_tool), mock.AsyncMock(), functools.partial(other), _manager),
        *(functools.partialmethod(other), functools.lru_cache(other), property(other), classmethod(other)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whatever_another_package_patches_in_is_found(
    replacement: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FastMCP, "call_tool", replacement)
    assert list(patched([FastMCP])) == ["FastMCP.call_tool"]


def test_a_patched_base_class_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FunctionTool.__mro__[1], "get_meta", other, raising=False)
    assert list(patched([FunctionTool])) == ["Tool.get_meta"]


def test_looking_at_an_object_calls_none_of_its_code() -> None:
    class Exploding:
        def __getattribute__(self, name: str) -> Any:
            raise AssertionError(name)

    exploding = Exploding()
    assert dict(instance_attributes(exploding)) == {}
    assert class_attribute(Exploding, "nothing") is not None
    assert dict(instance_attributes(1)) == {}
