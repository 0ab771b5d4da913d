"""A search for what a tool's code can reach, to prove that nothing of it depends on the request.

The search goes by names and takes in too much rather than too little. From a function it goes to everything
its instructions name: globals, variables of enclosing functions, imports, defaults, and what it wraps. A
class or an instance stands for its special methods, and for its other members once any code that was reached
reads an attribute of that name. Such a name also stands for every method and property of that name in
the modules that the code can see, because a value may come from any of them. Code of innocent modules is
not read, but what their objects hold (callbacks, elements, handlers of a logger) is searched. Code that
finds names at run time (``getattr`` with a computed name, ``eval``) cannot be decided.
"""

from __future__ import annotations

import builtins
import contextvars
import gc
import inspect
import logging
import sys
import types
import weakref
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from mcp_types import InputRequiredResult

from server_core.fastlane.code_names import Chain, CodeNames, Import, code_names, names_in_class_bodies
from server_core.fastlane.innocent_modules import (
    LoadedModules,
    defining_module,
    is_harmless_module,
    is_request_bound,
    is_request_bound_module,
    loaded_modules,
    never_calls_back,
)
from server_core.fastlane.value_kinds import (
    ATOMS,
    CONTAINERS,
    DYNAMIC_ATTRIBUTES,
    DYNAMIC_MODULES,
    MISSING,
    OPAQUE,
    SUSPENDED,
    class_of,
    contents,
    dynamic_name,
    is_code,
    is_constant,
    module_attribute,
    own_attributes,
)

_MAX_VALUES: Final = 20_000
"""Functions, classes and objects that a search looks at, about 50 ms."""

_MAX_ELEMENTS: Final = 10_000

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


@dataclass(frozen=True, slots=True)
class Reach:
    """Result of a search.

    Attributes:
        reason: Why the code may depend on the request; empty if it does not.
        unloaded: The module that has to be loaded to know; empty if there is another reason.
        is_closed: Whether nothing but the searched code can run as long as nobody replaces parts of it: no
            library calls other code back, and no object comes to hold it.
        makes_async_generators: Whether it can make an asynchronous generator; unknown if there is a reason.
    """

    reason: str
    unloaded: str = ""
    is_closed: bool = False
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
        is_closed=search.is_closed(),
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
        self._libraries: set[str] = set()
        self._uses_data = False
        self._modules = modules
        self._seen: dict[int, object] = {}
        self._queue: deque[tuple[object, str]] = deque()
        self._live_names: set[str] = set()
        self._members: dict[str, list[object]] = {}
        self._kinds: set[int] = set()
        self._visible: set[str] = set()

    def add(self, value: object, where: str) -> None:
        """Search a value later; `where` is the name by which it was reached."""
        if type(value) not in ATOMS and id(value) not in self._seen:
            if len(self._seen) >= _MAX_VALUES:
                raise _undecidable("it can reach too many objects")
            self._seen[id(value)] = value  # kept, so that no other value gets its id
            self._queue.append((value, where))

    def run(self) -> None:
        """Search until nothing is left, or raise a `_RequestBoundError`."""
        while self._queue:
            self._search(*self._queue.popleft())

    def is_closed(self) -> bool:
        """Return whether nothing but the searched code can run; see `Reach`."""
        # An innocent library may call any method of an object that it is given.
        unsearched = any(map(is_code, (each for members in self._members.values() for each in members)))
        return not self._uses_data and not unsearched and all(map(never_calls_back, self._libraries))

    def _add_used(self, value: object, where: str) -> None:
        """Search a value that code names; what objects hold may change."""
        if not is_code(value) and not is_constant(value):
            self._uses_data = True
        self.add(value, where)

    def _search(self, value: object, where: str) -> None:
        self._refuse(value, where)
        kind, module = type(value), defining_module(value)
        if self._modules.is_innocent(module) or is_harmless_module(module):
            self._libraries.add(module)
        if is_harmless_module(module):
            return
        if kind is types.FunctionType:
            self._search_function(value)  # type: ignore[arg-type]
        elif kind is types.MethodType:
            self.add(value.__func__, where)  # type: ignore[attr-defined]
            self._add_used(value.__self__, where)  # type: ignore[attr-defined]
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
        dynamic = dynamic_name(value)
        if dynamic:
            raise _undecidable(f"it calls {dynamic}")
        # A harmless module may define what derives from something that is not.
        if is_request_bound(value) or any(map(is_request_bound, class_of(value).__mro__)):
            raise _uses(where)
        if value is InputRequiredResult:
            raise _uses(where)
        if kind is contextvars.ContextVar:
            raise _uses(f"the context variable {where}")
        if kind in weakref.ProxyTypes or kind in SUSPENDED:
            raise _undecidable(f"{where} is a {kind.__name__}")

    def _search_object(self, value: object, kind: type, where: str) -> None:
        if issubclass(kind, weakref.ReferenceType):
            self.add(value(), where)  # type: ignore[operator]
        elif issubclass(kind, logging.Logger):
            self._search_logger(value, where)  # type: ignore[arg-type]
        elif not issubclass(kind, OPAQUE):
            self._search_instance(value, kind, where)

    def _search_function(self, fn: types.FunctionType) -> None:
        cells = dict(zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=False))
        scope = {variable: content for variable, cell in cells.items() for content in contents(cell)}
        held = [*scope.items(), *(fn.__kwdefaults__ or {}).items()]
        held += [("a default value", value) for value in fn.__defaults__ or ()]
        held += [each for each in fn.__dict__.items() if each[0] not in _UNSEARCHED_FUNCTION_ATTRIBUTES]
        # Both note in a closure which objects they are about to show.
        add = self.add if defining_module(fn) in ("dataclasses", "reprlib") else self._add_used
        for name, value in held:
            # A module in a closure is looked up with its attributes, below.
            if not issubclass(type(value), types.ModuleType):
                add(value, name)
        if self._modules.is_innocent(defining_module(fn)):
            self.makes_async_generators |= bool(fn.__code__.co_flags & inspect.CO_ASYNC_GENERATOR)
            return
        self._see(defining_module(fn))
        names = code_names(fn.__code__)
        self.makes_async_generators |= names.makes_async_generators
        # Any: the cache of mypy forgets FunctionType.__builtins__: an error in some of its runs only.
        any_function: Any = fn
        own_globals, own_builtins = fn.__globals__, any_function.__builtins__
        in_class_body = names_in_class_bodies(fn.__code__)
        for chain in (*names.chains, *((reader,) for reader in names.constant_readers)):
            namespace = own_globals if chain[0] in own_globals else own_builtins
            value = namespace.get(chain[0], MISSING)
            if value is MISSING and chain[0] not in in_class_body:
                raise _undecidable(f"{chain[0]} is not defined yet")
            if value is not MISSING and not (len(chain) == 1 and self._is_read_literally(value, names)):
                self._resolve(chain, value)
        for chain in names.free:
            # Variables of functions within this one are unknown; their attributes count by name.
            self._resolve(chain, scope.get(chain[0], MISSING))
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
            inner = module_attribute(value, name)
            if inner is MISSING:
                if self._modules.is_innocent(defining_module(value)):
                    self._libraries.add(defining_module(value))
                    return  # made when it is first used, by the module itself
                if is_request_bound(value):
                    raise _uses(f"{where}.{name}")
                raise _undecidable(f"{where}.{name} does not exist yet")
            value, where = inner, f"{where}.{name}"
        if value is not MISSING:
            self._add_used(value, where)
            if attributes and self._has_innocent(value, attributes[0]):
                attributes.popleft()
        for name in attributes:
            self._use_name(name)

    def _has_innocent(self, value: object, name: str) -> bool:
        """Return whether a value has an attribute from an innocent class, so that it stands for no other."""
        mro = class_of(value).__mro__
        return (
            name not in DYNAMIC_ATTRIBUTES
            and any(name in vars(each) for each in mro)
            and all(self._modules.is_innocent(defining_module(each)) for each in mro)
        )

    def _search_module(self, module: object, where: str) -> None:
        name = defining_module(module)
        if name in DYNAMIC_MODULES or not self._modules.is_innocent(name):
            raise _undecidable(f"it passes the module {where} on")

    def _search_import(self, statement: Import, names: CodeNames, scope: dict[str, Any]) -> None:
        name = statement.absolute_name(str(scope.get("__package__") or ""))
        module = sys.modules.get(name)
        self._libraries.add(name)
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
                value = module_attribute(module, each)
                if value is MISSING and not self._modules.is_innocent(name):
                    raise _undecidable(f"{name}.{each} does not exist yet")
                if value is not MISSING:
                    self.add(value, each)
        elif is_request_bound_module(name):
            raise _uses(name)
        elif name in DYNAMIC_MODULES or not self._modules.is_innocent(name):
            self._see(name)
            for attribute in names.attributes:  # those of a local name cannot be told apart
                value = module_attribute(module, attribute)
                if value is not MISSING:
                    self.add(value, f"{name}.{attribute}")

    def _use_name(self, name: str) -> None:
        """Search every member of this name."""
        if name in self._live_names:
            return
        if name == "__class__":
            self._use_name(_BY_CLASS)
        if name in DYNAMIC_ATTRIBUTES:
            raise _undecidable(f"it reads {name}")
        self._live_names.add(name)
        for member in self._members.pop(name, ()):
            self._add_used(member, name)
        for module in self._visible:
            for member in self._modules.members(module).get(name, ()):
                self._add_used(member, name)

    def _see(self, module: str) -> None:
        """Let names stand for the members of a module as well, and of those that its own names lead to."""
        if module in self._visible:
            return
        for each in self._modules.seen_from(module) - self._visible:
            self._visible.add(each)
            for name, members in self._modules.members(each).items():
                if name in self._live_names:
                    for member in members:
                        self._add_used(member, name)

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
            if not self._modules.is_innocent(module) and not is_harmless_module(module):
                self._see(module)
                self._search_members(each, called_back, is_called=is_called)

    def _search_members(self, cls: type, called_back: set[str], *, is_called: bool) -> None:
        for name, member in list(vars(cls).items()):
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
        if name.startswith("__") and name.endswith("__"):
            self.add(member, name)
        elif name in self._live_names:
            self._add_used(member, name)
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
        if issubclass(kind, CONTAINERS):
            self._search_elements(value, where)
        if self._modules.is_innocent(defining_module(kind)):
            if not issubclass(kind, CONTAINERS):
                for each in gc.get_referents(value):
                    if each is not kind and not issubclass(type(each), types.ModuleType):
                        self.add(each, where)
            return
        for name, member in own_attributes(value, kind):
            self._add_member(name, member)

    def _search_elements(self, container: Any, where: str) -> None:
        elements = list(container.values()) if isinstance(container, dict) else list(container)
        if isinstance(container, dict):
            elements += container
            elements.append(getattr(container, "default_factory", None))
        if set(map(type, elements)) <= ATOMS:
            return
        if len(elements) > _MAX_ELEMENTS:
            raise _undecidable(f"{where} has too many elements")
        for element in elements:
            self.add(element, where)
