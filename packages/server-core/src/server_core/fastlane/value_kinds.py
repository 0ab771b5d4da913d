"""Kinds of values that the search for reachable code tells apart, and what it reads of them."""

from __future__ import annotations

import asyncio
import builtins
import contextvars
import gc
import importlib
import inspect
import logging
import marshal
import operator
import pickle
import sys
import types
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from server_core.sdk.internals import get_frame

MISSING: Final = object()

ATOMS: Final = frozenset(
    {
        *(type(None), bool, int, float, complex, str, bytes, bytearray, range, slice, type(...)),
        *(type(NotImplemented), types.CodeType, types.GetSetDescriptorType, types.MemberDescriptorType),
        *(types.WrapperDescriptorType, types.MethodDescriptorType, types.ClassMethodDescriptorType),
    }
)
"""Types whose values refer to nothing that could run."""

OPAQUE: Final = (
    *(asyncio.AbstractEventLoop, asyncio.Future, asyncio.Handle, contextvars.Context),
    *(types.FrameType, types.TracebackType, logging.Manager),
)
"""Types whose values refer to everything in the process; tools use them without looking inside."""

CODE: Final = (
    *(type, types.FunctionType, types.BuiltinFunctionType, types.MethodWrapperType),
    *(classmethod, staticmethod, property),
)

SUSPENDED: Final = (types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType)

CONTAINERS: Final = (dict, list, tuple, set, frozenset, deque)

_DYNAMIC: Final[dict[int, str]] = {
    id(value): name
    for name, value in {
        **{name: getattr(builtins, name) for name in ("getattr", "hasattr", "eval", "exec", "compile")},
        **{name: getattr(builtins, name) for name in ("globals", "vars", "__import__")},
        "importlib.import_module": importlib.import_module,
        "importlib.reload": importlib.reload,
        "operator.attrgetter": operator.attrgetter,
        "operator.methodcaller": operator.methodcaller,
        "sys.modules": sys.modules,
        "sys._getframe": get_frame,
        "contextvars.copy_context": contextvars.copy_context,
        **{f"gc.{name}": getattr(gc, name) for name in ("get_objects", "get_referrers", "get_referents")},
        **{f"inspect.{name}": getattr(inspect, name) for name in ("currentframe", "stack", "getmembers")},
        "inspect.getattr_static": inspect.getattr_static,
        **{f"marshal.{name}": getattr(marshal, name) for name in ("load", "loads")},
        **{f"pickle.{name}": getattr(pickle, name) for name in ("load", "loads", "Unpickler")},
        "types.FunctionType": types.FunctionType,
    }.items()
}
"""Values with which code finds or makes other code by names that are not its own."""

DYNAMIC_MODULES: Final = frozenset(
    {"builtins", "contextvars", "gc", "importlib", "inspect", "marshal", "operator", "pickle", "sys", "types"}
)
"""Modules that hold them, and so must not be passed around."""

DYNAMIC_ATTRIBUTES: Final = frozenset(
    {
        *("__builtins__", "__closure__", "__code__", "__dict__", "__getattribute__", "__globals__"),
        *("__subclasses__", "ag_frame", "cr_frame", "f_back", "f_builtins", "f_globals", "f_locals"),
        *("gi_frame", "tb_frame", "cell_contents"),
    }
)


def dynamic_name(value: object) -> str:
    """Return the name of a value with which code finds or makes other code; empty for any other value."""
    return _DYNAMIC.get(id(value), "")


def class_of(value: object) -> type:
    """Return a class itself, and the class of any other value."""
    return value if issubclass(type(value), type) else type(value)  # type: ignore[return-value]


def is_code(value: object) -> bool:
    """Return whether a value is a function or a class, which hold nothing that changes."""
    return issubclass(type(value), CODE)


def is_constant(value: object) -> bool:
    """Return whether a value can hold no code, now or later."""
    kind = type(value)
    if kind in (tuple, frozenset):
        return set(map(type, value)) <= ATOMS  # type: ignore[call-overload]
    return kind in ATOMS or issubclass(kind, types.ModuleType)


def contents(cell: types.CellType) -> tuple[object, ...]:
    """Return the value of a variable in a closure, nothing if it has none yet."""
    try:
        return (cell.cell_contents,)
    except ValueError:
        return ()


def module_attribute(module: Any, name: str) -> object:
    """Return an attribute of a module without running the module's own code."""
    value = module.__dict__.get(name, MISSING)
    return sys.modules.get(f"{module.__name__}.{name}", MISSING) if value is MISSING else value


def own_attributes(value: object, kind: type) -> list[tuple[str, object]]:
    """Return an instance's own attributes without running any of its code."""
    attributes: list[tuple[str, object]] = []
    for each in kind.__mro__:
        for name, member in list(vars(each).items()):
            if type(member) is types.MemberDescriptorType:
                try:
                    attributes.append((name, member.__get__(value, kind)))
                except AttributeError:  # not assigned yet
                    continue
    read_dict: Callable[[object, str], Any] = object.__getattribute__
    try:
        own = read_dict(value, "__dict__")
    except AttributeError:
        return attributes
    return [*attributes, *own.items()] if type(own) is dict else attributes
