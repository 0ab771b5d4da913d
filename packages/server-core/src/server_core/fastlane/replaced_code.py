"""Code in place of FastMCP's own: overridden in a subclass, set on an object, or patched into a class.

The lane does what FastMCP's own code would do. Whatever replaces that code has to be called, so that such an
app is FastMCP's.
"""

from __future__ import annotations

import dis
import functools
import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

MISSING: Final = object()

_HARMLESS_OVERRIDES: Final = frozenset(
    {
        # What every class statement creates.
        *("__module__", "__qualname__", "__doc__", "__dict__", "__weakref__", "__slots__", "__annotations__"),
        *("__annotate__", "__annotate_func__", "__annotations_cache__", "__static_attributes__"),
        *("__firstlineno__", "__orig_bases__", "__parameters__", "__abstractmethods__", "_abc_impl"),
        # Construction, registration and other ways to serve, none of which happens in a request.
        *("__init__", "__repr__", "__str__", "__init_subclass__", "__class_getitem__", "generate_name"),
        *("tool", "resource", "prompt", "add_tool", "add_resource", "add_template", "add_prompt"),
        *("run", "run_async", "run_stdio_async", "run_http_async"),
    }
)

_LIBRARIES: Final = frozenset({"fastmcp", "mcp"})
_DECORATING_MODULES: Final = frozenset(
    {"contextlib", "dataclasses", "reprlib", "typing_extensions", "warnings"}
)
"""Modules whose decorators the libraries use; the decorated function has to be the libraries' own."""
_BUILT_IN_MODULES: Final = frozenset({"builtins", "functools"})
_MODEL_MACHINERY: Final = frozenset({"pydantic", "pydantic_core", "abc", "typing", "typing_extensions"})
"""Packages that put code into the classes of the libraries."""


def class_attribute(kind: type, name: str) -> Any:
    """Return what a class or one of its bases defines under a name, without calling any code of it."""
    for each in kind.__mro__:
        if name in each.__dict__:
            return each.__dict__[name]
    return MISSING


def instance_attributes(instance: object) -> Mapping[str, Any]:
    """Return the attributes of an object itself, without calling any code of it."""
    try:
        attributes: dict[str, Any] = object.__getattribute__(instance, "__dict__")
    except AttributeError:
        return {}
    return attributes


def replaced_in(instance: object, base: type) -> Iterator[str]:
    """Yield the names of `base` for which an object or its class has something else."""
    yield from overridden(type(instance), base)
    kind = type(instance)
    for name in instance_attributes(instance):
        if name not in _HARMLESS_OVERRIDES and _is_code(class_attribute(kind, name)):
            yield f"{kind.__name__}.{name}"


def overridden(kind: type, base: type) -> Iterator[str]:
    """Yield the names of `base` that one of its subclasses defines anew."""
    if base not in kind.__mro__:
        yield kind.__name__
        return
    expected = _attribute_names(base) - _HARMLESS_OVERRIDES
    for each in kind.__mro__:
        if each not in base.__mro__:
            yield from (f"{each.__name__}.{name}" for name in each.__dict__ if name in expected)


@functools.cache
def _attribute_names(base: type) -> frozenset[str]:
    """Return the names of a class's attributes and of those that its instances get when they are made."""
    names = {"__getattr__"}
    for each in base.__mro__:
        names.update(each.__dict__)
        initialise = each.__dict__.get("__init__")
        if isinstance(initialise, types.FunctionType):
            instructions = dis.get_instructions(initialise)
            names.update(str(one.argval) for one in instructions if one.opname == "STORE_ATTR")
    return frozenset(names)


def _is_code(attribute: Any) -> bool:
    """Return whether a class attribute is a method, which an attribute of an object would hide."""
    if isinstance(attribute, (type, functools.cached_property)):
        return False
    return callable(attribute) or isinstance(attribute, (classmethod, staticmethod))


def patched(kinds: Iterable[type]) -> Iterator[str]:
    """Yield the names of code in FastMCP's and the SDK's classes that comes from elsewhere."""
    examined: set[type] = set()
    for kind in kinds:
        for each in kind.__mro__:
            if each in examined or _package(each.__module__) not in _LIBRARIES:
                continue
            examined.add(each)
            for name, value in each.__dict__.items():
                if any(map(_is_foreign, _functions(value))):
                    yield f"{each.__name__}.{name}"


def _functions(value: Any) -> tuple[Any, ...]:
    """Return the functions behind a class attribute."""
    match value:
        case classmethod() | staticmethod():
            return (value.__func__,)
        case property():
            return (value.fget, value.fset, value.fdel)
        case functools.cached_property() | functools.partial() | functools.partialmethod():
            return (value.func,)
        case _:
            return (value,)


def _is_foreign(function: Any) -> bool:
    """Return whether a function is neither the libraries' own nor put into their classes by their tools."""
    if function is None or isinstance(function, type) or not callable(function):
        return False
    is_python = isinstance(function, types.FunctionType)
    module = str(function.__globals__.get("__name__")) if is_python else type(function).__module__
    if module in (_DECORATING_MODULES if is_python else _BUILT_IN_MODULES):
        return _is_foreign(getattr(function, "__wrapped__", None))
    return _package(module) not in (_LIBRARIES | _MODEL_MACHINERY)


def _package(module: str) -> str:
    return module.partition(".")[0]
