"""Modules by what their code can know of the request being served.

A module is one of three kinds: *request-bound*, the frameworks that serve requests; *innocent*, whose package
has nothing of those frameworks in any of its modules; and all others, whose code has to be read.
"""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Mapping, Sequence
from typing import Any, Final

_REQUEST_BOUND_PACKAGES: Final = frozenset(
    {
        *("docket", "fastmcp", "fastmcp_tasks", "mcp", "opentelemetry", "server_core", "sse_starlette"),
        *("starlette", "fastapi", "uncalled_for"),
    }
)

_HARMLESS_MODULES: Final = frozenset(
    {
        # What tools raise and return, and what they log with.
        *("fastmcp.exceptions", "fastmcp.tools.base", "fastmcp.utilities.logging"),
        *("fastmcp.utilities.types", "mcp.shared.exceptions"),
        # The same on the lane and behind it.
        *("server_core.callers", "server_core.errors", "server_core.observability.logs"),
        "server_core.tools",
    }
)
"""Modules of those packages whose functions and classes are the same for every request."""

_WITHOUT_CALLBACKS: Final = frozenset(
    {
        *("_abc", "_collections", "_collections_abc", "_datetime", "_decimal", "_functools", "_hashlib"),
        *("_json", "_operator", "_random", "_sre", "abc", "annotated_types", "base64", "binascii", "bisect"),
        *("builtins", "cmath", "collections", "dataclasses", "datetime", "decimal", "enum"),
        *("fractions", "functools", "hashlib", "heapq", "itertools", "json", "math", "mcp_types", "numbers"),
        *("operator", "pydantic", "pydantic_core", "random", "re", "reprlib", "statistics", "string"),
        *("textwrap", "time", "types", "typing", "typing_extensions", "unicodedata", "uuid", "zoneinfo"),
    }
)
"""Packages with which no other code can register: they call only what they are given."""

_HARMLESS_WITHOUT_CALLBACKS: Final = frozenset(
    {"fastmcp.exceptions", "fastmcp.tools.base", "mcp.shared.exceptions", "server_core.tools"}
)

_FOREIGN_FOLDERS: Final = frozenset({"site-packages", "dist-packages"})


def is_request_bound(value: object) -> bool:
    """Return whether a value is, or belongs to, a framework that serves requests."""
    name = defining_module(value)
    return is_request_bound_module(name) and name not in _HARMLESS_MODULES


def is_request_bound_module(name: str) -> bool:
    """Return whether a module belongs to a framework that serves requests."""
    return name.partition(".")[0] in _REQUEST_BOUND_PACKAGES


def is_harmless_module(name: str) -> bool:
    """Return whether a module of such a framework has the same meaning for every request."""
    return name in _HARMLESS_MODULES


def never_calls_back(name: str) -> bool:
    """Return whether an innocent or harmless module calls only the code that it is given."""
    return name.partition(".")[0] in _WITHOUT_CALLBACKS or name in _HARMLESS_WITHOUT_CALLBACKS


def defining_module(value: object) -> str:
    """Return the name of the module that defines a function or class, or the class of another value.

    A function names its module in its globals: `functools.wraps` changes its ``__module__``.
    """
    kind = type(value)
    name: Any
    if issubclass(kind, types.ModuleType):
        name = value.__dict__.get("__name__")
    elif kind is types.FunctionType:
        name = value.__globals__.get("__name__")  # type: ignore[attr-defined]
    elif issubclass(kind, type) or kind is types.BuiltinFunctionType:
        name = value.__module__
    else:
        name = kind.__module__
    return name if isinstance(name, str) else ""


class LoadedModules:
    """The modules that are loaded now, by package."""

    def __init__(self) -> None:
        self._packages: dict[str, list[types.ModuleType]] = {}
        for name, module in list(sys.modules.items()):
            if issubclass(type(module), types.ModuleType):
                self._packages.setdefault(name.partition(".")[0], []).append(module)
        self._innocent: dict[str, bool] = {}
        self._members: dict[str, dict[str, list[object]]] = {}
        self._seen: dict[str, frozenset[str]] = {}

    def is_innocent(self, name: str) -> bool:
        """Return whether a module's code cannot know of a request."""
        package = name.partition(".")[0]
        innocent = self._innocent.get(package)
        if innocent is None:
            innocent = self._innocent[package] = self._is_innocent_package(package)
        return innocent

    def _is_innocent_package(self, package: str) -> bool:
        if package in _REQUEST_BOUND_PACKAGES or package == "__main__":
            return False
        if package in sys.stdlib_module_names:
            return True
        modules = self._packages.get(package, [])
        # Code outside of installed packages is the app's own: it is read, whatever it imports.
        if not modules or not any(map(_is_installed, modules)):
            return False
        return not any(is_request_bound(value) for module in modules for value in _values(module))

    def members(self, name: str) -> Mapping[str, Sequence[object]]:
        """Return the methods and properties of all classes that a module defines, by their names."""
        members = self._members.get(name)
        if members is None:
            members = self._members[name] = {}
            for value in _values(sys.modules.get(name)):
                if issubclass(type(value), type) and value.__module__ == name:
                    _add_members(value, members)  # type: ignore[arg-type]
        return members

    def seen_from(self, name: str) -> frozenset[str]:
        """Return the modules whose code has to be read that a module's names lead to, itself included.

        A value that code gets from elsewhere was made by code that these modules define or import.
        """
        seen = self._seen.get(name)
        if seen is None:
            reached, waiting = {name}, [name]
            while waiting:
                named = set(map(defining_module, _values(sys.modules.get(waiting.pop()))))
                new = [each for each in named - reached if self._has_to_be_read(each)]
                reached.update(new)
                waiting += new
            seen = self._seen[name] = frozenset(reached)
        return seen

    def _has_to_be_read(self, name: str) -> bool:
        return not is_request_bound_module(name) and not self.is_innocent(name)


def loaded_modules() -> LoadedModules:
    """Return the modules that are loaded now; the same object until another module is loaded."""
    return _loaded_modules(len(sys.modules))


@functools.lru_cache(maxsize=1)
def _loaded_modules(_count: int) -> LoadedModules:
    return LoadedModules()


def _is_installed(module: types.ModuleType) -> bool:
    spec = module.__dict__.get("__spec__")
    places = [getattr(spec, "origin", None), *(getattr(spec, "submodule_search_locations", None) or ())]
    return any(
        not _FOREIGN_FOLDERS.isdisjoint(place.replace("\\", "/").split("/"))
        for place in places
        if isinstance(place, str)
    )


def _values(module: types.ModuleType | None) -> list[object]:
    return [] if module is None else list(module.__dict__.values())


def _add_members(cls: type, members: dict[str, list[object]]) -> None:
    for name, member in list(vars(cls).items()):
        if issubclass(type(member), type):
            if member.__qualname__.startswith(f"{cls.__qualname__}."):
                _add_members(member, members)
        elif hasattr(type(member), "__get__") and not name.startswith("__"):
            members.setdefault(name, []).append(member)
