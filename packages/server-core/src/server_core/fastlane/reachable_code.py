"""A search for what a tool's code can reach, to prove that nothing of it depends on the request.

The search goes by names and takes in too much rather than too little. From a function it goes to everything
its instructions name: globals, variables of enclosing functions, imports, defaults, and what it wraps. A
class or an instance stands for its special methods, and for its other members once any code that was reached
reads an attribute of that name. Such a name also stands for every method and property of that name in
modules whose code has to be read, because values come from anywhere. Code of innocent modules is not read,
but what their objects hold (callbacks, elements, handlers of a logger) is searched. Code that finds names at
run time (``getattr`` with a computed name, ``eval``) cannot be decided.
"""

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
import weakref
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from mcp_types import InputRequiredResult

from server_core.fastlane.code_names import Chain, CodeNames, Import, code_names
from server_core.fastlane.innocent_modules import (
    LoadedModules,
    defining_module,
    is_harmless_module,
    is_request_bound,
    is_request_bound_module,
    loaded_modules,
    never_calls_back,
)
from server_core.sdk.internals import get_frame

_MAX_VALUES: Final = 20_000
"""Functions, classes and objects that a search looks at, about 50 ms."""

_MAX_ELEMENTS: Final = 10_000

_ATOMS: Final = frozenset(
    {
        *(type(None), bool, int, float, complex, str, bytes, bytearray, range, slice, type(...)),
        *(type(NotImplemented), types.CodeType, types.GetSetDescriptorType, types.MemberDescriptorType),
        *(types.WrapperDescriptorType, types.MethodDescriptorType, types.ClassMethodDescriptorType),
    }
)
"""Types whose values refer to nothing that could run."""

_OPAQUE: Final = (
    *(asyncio.AbstractEventLoop, asyncio.Future, asyncio.Handle, contextvars.Context),
    *(types.FrameType, types.TracebackType, logging.Manager),
)
"""Types whose values refer to everything in the process; tools use them without looking inside."""

_SUSPENDED: Final = (types.GeneratorType, types.CoroutineType, types.AsyncGeneratorType)

_CONTAINERS: Final = (dict, list, tuple, set, frozenset, deque)

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

_DYNAMIC_MODULES: Final = frozenset(
    {"builtins", "contextvars", "gc", "importlib", "inspect", "marshal", "operator", "pickle", "sys", "types"}
)
"""Modules that hold them, and so must not be passed around."""

_DYNAMIC_ATTRIBUTES: Final = frozenset(
    {
        *("__builtins__", "__closure__", "__code__", "__dict__", "__getattribute__", "__globals__"),
        *("__subclasses__", "ag_frame", "cr_frame", "f_back", "f_builtins", "f_globals", "f_locals"),
        *("gi_frame", "tb_frame", "cell_contents"),
    }
)

_CONSTRUCTORS: Final = frozenset(
    {
        *("__class_getitem__", "__init__", "__init_subclass__", "__new__", "__post_init__", "__prepare__"),
        "__set_name__",
    }
)
"""Special methods that run when a class is called or derived from, not when an instance is used."""

_BY_CLASS: Final = "(called by `__class__`)"
"""Name under which the constructors of instances' classes wait until something reads ``__class__``."""

_UNSEARCHED_MEMBERS: Final = frozenset(
    {
        *("__abstractmethods__", "__annotate__", "__annotate_func__", "__annotations__"),
        *("__annotations_cache__", "__dict__", "__doc__", "__module__", "__orig_bases__"),
        *("__parameters__", "__pydantic_parent_namespace__", "__qualname__", "__signature__"),
        *("__slots__", "__weakref__"),
    }
)
_UNSEARCHED_FUNCTION_ATTRIBUTES: Final = frozenset({"__fastmcp__", "__signature__", "__annotations__"})
_MISSING: Final = object()


@dataclass(frozen=True, slots=True)
class Reach:
    """What a search found.

    Attributes:
        reason: Why the code may depend on the request; empty if it does not.
        unloaded: The module that has to be loaded to know; empty if there is another reason.
        may_call_back: Whether it uses libraries that may call code which the search has not seen.
        makes_async_generators: Whether it can make an asynchronous generator; unknown if there is a reason.
    """

    reason: str
    unloaded: str = ""
    may_call_back: bool = True
    makes_async_generators: bool = False


def reach(roots: Iterable[object]) -> Reach:
    """Search everything that functions, classes and other values can reach."""
    search = _Search(loaded_modules())
    try:
        for root in roots:
            search.add(root, "its function")
        search.run()
    except _RequestBoundError as error:
        return Reach(str(error), error.unloaded)
    return Reach(
        "",
        may_call_back=not all(map(never_calls_back, search.libraries)),
        makes_async_generators=search.makes_async_generators,
    )


class _RequestBoundError(Exception):
    """The search has found something; the text is the reason."""

    def __init__(self, reason: str, unloaded: str = "") -> None:
        super().__init__(reason)
        self.unloaded = unloaded


def _uses(what: str) -> _RequestBoundError:
    return _RequestBoundError(f"it uses {what}, which may depend on the request")


def _undecidable(why: str) -> _RequestBoundError:
    return _RequestBoundError(f"what it uses cannot be known: {why}")


class _Search:
    def __init__(self, modules: LoadedModules) -> None:
        self.makes_async_generators = False
        self.libraries: set[str] = set()
        self._modules = modules
        self._seen: dict[int, object] = {}
        self._queue: deque[tuple[object, str]] = deque()
        self._live_names: set[str] = set()
        self._members: dict[str, list[object]] = {}
        self._kinds: set[int] = set()

    def add(self, value: object, where: str) -> None:
        """Search a value later; `where` is the name by which it was reached."""
        if type(value) not in _ATOMS and id(value) not in self._seen:
            if len(self._seen) >= _MAX_VALUES:
                raise _undecidable("it can reach too many objects")
            self._seen[id(value)] = value  # kept, so that no other value gets its id
            self._queue.append((value, where))

    def run(self) -> None:
        """Search until nothing is left, or raise a `_RequestBoundError`."""
        while self._queue:
            self._search(*self._queue.popleft())

    def _search(self, value: object, where: str) -> None:
        self._refuse(value, where)
        kind, module = type(value), defining_module(value)
        if self._modules.is_innocent(module) or is_harmless_module(module):
            self.libraries.add(module)
        if is_harmless_module(module):
            return
        if kind is types.FunctionType:
            self._search_function(value)  # type: ignore[arg-type]
        elif kind is types.MethodType:
            self.add(value.__func__, where)  # type: ignore[attr-defined]
            self.add(value.__self__, where)  # type: ignore[attr-defined]
        elif issubclass(kind, types.ModuleType):
            self._search_module(value, where)
        elif kind in (types.BuiltinFunctionType, types.MethodWrapperType):
            owner = value.__self__  # type: ignore[attr-defined]
            if not issubclass(type(owner), types.ModuleType):
                self.add(owner, where)
        elif issubclass(kind, type):
            self._search_class(value, is_called=True)  # type: ignore[arg-type]
        else:
            self._search_object(value, kind, where)

    def _refuse(self, value: object, where: str) -> None:
        """Raise the reason against a value itself, if there is one."""
        kind = type(value)
        dynamic = _DYNAMIC.get(id(value))
        if dynamic is not None:
            raise _undecidable(f"it calls {dynamic}")
        # A harmless module may define what derives from something that is not.
        if is_request_bound(value) or any(map(is_request_bound, _class_of(value).__mro__)):
            raise _uses(where)
        if value is InputRequiredResult:
            raise _uses(where)
        if kind is contextvars.ContextVar:
            raise _uses(f"the context variable {where}")
        if kind in weakref.ProxyTypes or kind in _SUSPENDED:
            raise _undecidable(f"{where} is a {kind.__name__}")

    def _search_object(self, value: object, kind: type, where: str) -> None:
        if issubclass(kind, weakref.ReferenceType):
            self.add(value(), where)  # type: ignore[operator]
        elif issubclass(kind, logging.Logger):
            self._search_logger(value, where)  # type: ignore[arg-type]
        elif not issubclass(kind, _OPAQUE):
            self._search_instance(value, kind, where)

    def _search_function(self, fn: types.FunctionType) -> None:
        cells = dict(zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=False))
        scope = {variable: content for variable, cell in cells.items() for content in _contents(cell)}
        held = [*scope.items(), *(fn.__kwdefaults__ or {}).items()]
        held += [("a default value", value) for value in fn.__defaults__ or ()]
        held += [each for each in fn.__dict__.items() if each[0] not in _UNSEARCHED_FUNCTION_ATTRIBUTES]
        for name, value in held:
            # A module in a closure is looked up with its attributes, below.
            if not issubclass(type(value), types.ModuleType):
                self.add(value, name)
        if self._modules.is_innocent(defining_module(fn)):
            self.makes_async_generators |= bool(fn.__code__.co_flags & inspect.CO_ASYNC_GENERATOR)
            return
        names = code_names(fn.__code__)
        self.makes_async_generators |= names.makes_async_generators
        own_globals, own_builtins = fn.__globals__, fn.__builtins__  # type: ignore[attr-defined]
        in_class_body = _names_in_class_bodies(fn.__code__)
        for chain in (*names.chains, *((reader,) for reader in names.constant_readers)):
            value = own_globals.get(chain[0], own_builtins.get(chain[0], _MISSING))
            if value is _MISSING and chain[0] not in in_class_body:
                raise _undecidable(f"{chain[0]} is not defined yet")
            if value is not _MISSING and not (len(chain) == 1 and self._is_read_literally(value, names)):
                self._resolve(chain, value)
        for chain in names.free:
            # Variables of functions within this one are unknown; their attributes count by name.
            self._resolve(chain, scope.get(chain[0], _MISSING))
        for each in names.imports:
            self._search_import(each, names, fn.__globals__)
        # Generated code of dataclasses compares classes and calls none.
        is_generated = fn.__code__.co_filename.startswith("<")
        for attribute in names.attributes:
            if not (is_generated and attribute == "__class__"):
                self._use_name(attribute)

    def _is_read_literally(self, value: object, names: CodeNames) -> bool:
        """Return whether a value is a built-in reader of attributes whose every use names its attribute."""
        return any(
            value is getattr(builtins, reader) and (reader,) not in names.chains
            for reader in names.constant_readers
        )

    def _resolve(self, chain: Chain, value: object) -> None:
        """Search a named value; attributes of modules are looked up, all others count by their names."""
        attributes = deque(chain[1:])
        where = chain[0]
        while attributes and issubclass(type(value), types.ModuleType):
            name = attributes.popleft()
            inner = _attribute_of(value, name)
            if inner is _MISSING:
                if self._modules.is_innocent(defining_module(value)):
                    self.libraries.add(defining_module(value))
                    return  # made when it is first used, by the module itself
                if is_request_bound(value):
                    raise _uses(f"{where}.{name}")
                raise _undecidable(f"{where}.{name} does not exist yet")
            value, where = inner, f"{where}.{name}"
        if value is not _MISSING:
            self.add(value, where)
            if attributes and self._has_innocent(value, attributes[0]):
                attributes.popleft()
        for name in attributes:
            self._use_name(name)

    def _has_innocent(self, value: object, name: str) -> bool:
        """Return whether a value has an attribute from an innocent class, so that it stands for no other."""
        mro = _class_of(value).__mro__
        return (
            name not in _DYNAMIC_ATTRIBUTES
            and any(name in vars(each) for each in mro)
            and all(self._modules.is_innocent(defining_module(each)) for each in mro)
        )

    def _search_module(self, module: object, where: str) -> None:
        name = defining_module(module)
        if name in _DYNAMIC_MODULES or not self._modules.is_innocent(name):
            raise _undecidable(f"it passes the module {where} on")

    def _search_import(self, statement: Import, names: CodeNames, scope: dict[str, Any]) -> None:
        name = statement.module
        if statement.level:
            parents = str(scope.get("__package__") or "").split(".")
            parents = parents[: len(parents) - statement.level + 1]
            name = ".".join([*parents, *([name] if name else [])])
        module = sys.modules.get(name)
        if module is None:
            if is_request_bound_module(name):
                raise _uses(name)
            if name.partition(".")[0] not in sys.stdlib_module_names:
                raise _RequestBoundError(
                    f"what it uses cannot be known: {name} is not loaded yet", unloaded=name
                )
            return
        if statement.names:
            for each in statement.names:
                value = _attribute_of(module, each)
                if value is _MISSING and not self._modules.is_innocent(name):
                    raise _undecidable(f"{name}.{each} does not exist yet")
                if value is not _MISSING:
                    self.add(value, each)
        elif is_request_bound_module(name):
            raise _uses(name)
        elif name in _DYNAMIC_MODULES or not self._modules.is_innocent(name):
            for attribute in names.attributes:  # those of a local name cannot be told apart
                value = _attribute_of(module, attribute)
                if value is not _MISSING:
                    self.add(value, f"{name}.{attribute}")

    def _use_name(self, name: str) -> None:
        """Search every member of this name."""
        if name in self._live_names:
            return
        if name == "__class__":
            self._use_name(_BY_CLASS)
        if name in _DYNAMIC_ATTRIBUTES:
            raise _undecidable(f"it reads {name}")
        self._live_names.add(name)
        for member in (*self._members.pop(name, ()), *self._modules.members.get(name, ())):
            self.add(member, name)

    def _search_class(self, cls: type, *, is_called: bool) -> None:
        if cls is type:
            self._use_name("__class__")
        # Innocent code calls methods that override its own, such as `filter` of a log filter.
        called_back: set[str] = set()
        for each in cls.__mro__:
            if each is not object and self._modules.is_innocent(defining_module(each)):
                called_back.update(vars(each))
        for each in cls.__mro__:
            module = defining_module(each)
            if each is InputRequiredResult or is_request_bound(each):
                raise _uses(cls.__qualname__)
            if type(each) is not type:
                self.add(type(each), cls.__qualname__)
            if self._modules.is_innocent(module) or is_harmless_module(module):
                continue
            for name, member in list(vars(each).items()):
                if name in _UNSEARCHED_MEMBERS:
                    continue
                if name in _CONSTRUCTORS:
                    # Without its name, an instance's class can be called through `type` and `__class__`.
                    self._add_member(name if is_called else _BY_CLASS, member)
                elif name in called_back:
                    self.add(member, name)
                else:
                    self._add_member(name, member)

    def _add_member(self, name: str, member: object) -> None:
        """Search a member now if code that was reached reads its name, or if Python itself may."""
        if (name.startswith("__") and name.endswith("__")) or name in self._live_names:
            self.add(member, name)
        else:
            self._members.setdefault(name, []).append(member)

    def _search_logger(self, logger: logging.Logger, where: str) -> None:
        self.add(type(logger), where)
        for each in (*logger.handlers, *logger.filters):
            self.add(each, f"the log of {where}")
        if logger.propagate and logger.parent is not None:
            self.add(logger.parent, where)

    def _search_instance(self, value: object, kind: type, where: str) -> None:
        if id(kind) not in self._kinds:
            self._kinds.add(id(kind))
            self._search_class(kind, is_called=False)
        if issubclass(kind, _CONTAINERS):
            self._search_elements(value, where)
        if self._modules.is_innocent(defining_module(kind)):
            if not issubclass(kind, _CONTAINERS):
                for each in gc.get_referents(value):
                    if each is not kind and not issubclass(type(each), types.ModuleType):
                        self.add(each, where)
            return
        for name, member in _attributes(value, kind):
            self._add_member(name, member)

    def _search_elements(self, container: Any, where: str) -> None:
        elements = list(container.values()) if isinstance(container, dict) else list(container)
        if isinstance(container, dict):
            elements += container
            elements.append(getattr(container, "default_factory", None))
        if set(map(type, elements)) <= _ATOMS:
            return
        if len(elements) > _MAX_ELEMENTS:
            raise _undecidable(f"{where} has too many elements")
        for element in elements:
            self.add(element, where)


def _class_of(value: object) -> type:
    """Return a class itself, and the class of any other value."""
    return value if issubclass(type(value), type) else type(value)  # type: ignore[return-value]


def _contents(cell: types.CellType) -> tuple[object, ...]:
    try:
        return (cell.cell_contents,)
    except ValueError:  # not assigned yet
        return ()


def _attribute_of(module: Any, name: str) -> object:
    """Return an attribute of a module without running the module's own code."""
    value = module.__dict__.get(name, _MISSING)
    return sys.modules.get(f"{module.__name__}.{name}", _MISSING) if value is _MISSING else value


def _names_in_class_bodies(code: types.CodeType) -> set[str]:
    """Return the names in the bodies of classes within a function, where names need not be global."""
    names: set[str] = set()
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            if not constant.co_flags & inspect.CO_OPTIMIZED:
                names.update(constant.co_names)
            names |= _names_in_class_bodies(constant)
    return names


def _attributes(value: object, kind: type) -> list[tuple[str, object]]:
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
