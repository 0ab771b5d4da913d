"""The names that compiled code uses, read from its instructions."""

from __future__ import annotations

import dis
import inspect
import re
import types
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

Chain = tuple[str, ...]
"""A name and the attributes that are read from it at once: ``json.loads`` is ``("json", "loads")``."""

_GLOBAL_LOADS: Final = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"})
_FREE_LOADS: Final = frozenset({"LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF"})
_ATTRIBUTE_LOADS: Final = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
_WITHOUT_EFFECT: Final = frozenset({"CACHE", "NOP", "PRECALL", "PUSH_NULL", "KW_NAMES"})
_NOT_ATTRIBUTES: Final = frozenset(
    {
        *("STORE_NAME", "STORE_GLOBAL", "DELETE_NAME", "DELETE_GLOBAL", "IMPORT_NAME", "IMPORT_FROM"),
        *_GLOBAL_LOADS,
    }
)
"""Instructions with a name that is no attribute's."""

_READERS: Final = frozenset({"getattr", "hasattr"})
"""Built-in functions that read an attribute whose name is their second argument."""

_FORMATTERS: Final = frozenset({"format", "format_map", "vformat"})
_FIELD: Final = re.compile(r"\{([^{}]*)\}")
_FIELD_ATTRIBUTE: Final = re.compile(r"\.([^\W\d]\w*)")


@dataclass(frozen=True, slots=True)
class Import:
    """An import statement; `names` is empty if it imports the module itself."""

    module: str
    level: int
    names: tuple[str, ...]

    def absolute_name(self, package: str) -> str:
        """Return the module's name for a statement in a package, from which it may count."""
        if not self.level:
            return self.module
        parents = package.split(".")
        parents = parents[: len(parents) - self.level + 1]
        return ".".join([*parents, self.module] if self.module else parents)


@dataclass(slots=True)
class CodeNames:
    """Names in a function's code and in the code of the functions and classes within it.

    Attributes:
        chains: Global and built-in names with their attributes; in a class body also its own names.
        free: The same for variables of enclosing functions.
        attributes: Attributes of all other values, read or assigned.
        constant_readers: ``getattr`` and ``hasattr``, where each call names its attribute literally.
        makes_async_generators: Whether any of the code is that of an asynchronous generator.
    """

    chains: set[Chain] = field(default_factory=set)
    free: set[Chain] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)
    imports: set[Import] = field(default_factory=set)
    constant_readers: set[str] = field(default_factory=set)
    makes_async_generators: bool = False


def code_names(code: types.CodeType) -> CodeNames:
    """Return the names that a function's code uses."""
    names = CodeNames()
    strings: list[str] = []
    for each in _with_nested(code):
        names.makes_async_generators |= bool(each.co_flags & inspect.CO_ASYNC_GENERATOR)
        strings += [constant for constant in each.co_consts if isinstance(constant, str)]
        _read(each, names)
    named = names.attributes.union(*names.chains, *names.free)
    if not named.isdisjoint(_FORMATTERS):
        # "{0.name}".format(value) reads an attribute that no instruction names.
        fields = (match for string in strings for match in _FIELD.findall(string))
        names.attributes.update(name for each in fields for name in _FIELD_ATTRIBUTE.findall(each))
    return names


def _with_nested(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _with_nested(constant)


def _read(code: types.CodeType, names: CodeNames) -> None:
    instructions = [each for each in dis.get_instructions(code) if each.opname != "EXTENDED_ARG"]
    index = 0
    while index < len(instructions):
        opname = instructions[index].opname
        if opname in _GLOBAL_LOADS or opname in _FREE_LOADS:
            chain = _chain(instructions, index)
            literal = _literal_attribute(instructions[index + 1 :]) if chain[0] in _READERS else None
            if opname in _FREE_LOADS:
                names.free.add(chain)
            elif literal is None:
                names.chains.add(chain)
            else:
                names.constant_readers.add(chain[0])
                names.attributes.add(literal)
            index += len(chain)
        else:
            _read_other(instructions, index, code, names)
            index += 1


def _chain(instructions: Sequence[dis.Instruction], index: int) -> Chain:
    """Return the name that an instruction loads, with the attributes that are read from it at once."""
    chain = [instructions[index].argval]
    for instruction in instructions[index + 1 :]:
        # Where a jump ends, the value may be another one.
        if instruction.opname not in _ATTRIBUTE_LOADS or instruction.is_jump_target:
            break
        chain.append(instruction.argval)
    return tuple(chain)


def _read_other(
    instructions: Sequence[dis.Instruction], index: int, code: types.CodeType, names: CodeNames
) -> None:
    """Add the names in an instruction that loads none."""
    instruction = instructions[index]
    if instruction.opname == "IMPORT_NAME":
        level, imported = (each.argval for each in instructions[index - 2 : index])
        names.imports.add(Import(instruction.argval, level or 0, tuple(imported or ())))
    elif instruction.opname == "MATCH_CLASS":
        for constant in code.co_consts:
            if isinstance(constant, tuple):
                names.attributes.update(each for each in constant if isinstance(each, str))
    elif instruction.opcode in dis.hasname and instruction.opname not in _NOT_ATTRIBUTES:
        # Attributes of a literal such as ", " are those of its type; `format` is looked at above.
        is_of_literal = instructions[index - 1].opname == "LOAD_CONST" and not instruction.is_jump_target
        if not is_of_literal or instruction.argval in _FORMATTERS:
            names.attributes.add(instruction.argval)


def _literal_attribute(following: Iterable[dis.Instruction]) -> str | None:
    """Return the second argument of the call that follows, if it is a literal; else None.

    A call within the arguments ends the search, because it takes fewer arguments than were loaded.
    """
    loaded: list[object] = []
    for instruction in following:
        name = instruction.opname
        if name in _WITHOUT_EFFECT or name in _ATTRIBUTE_LOADS:
            continue
        if name == "CALL":
            literal = loaded[1] if len(loaded) == instruction.arg and len(loaded) > 1 else None
            return literal if isinstance(literal, str) else None
        if name == "LOAD_CONST":
            loaded.append(instruction.argval)
        elif name.startswith(("LOAD_FAST", "LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF")):
            loaded += [None] * (name.count("LOAD_FAST") or 1)
        else:
            return None
    return None


def names_in_class_bodies(code: types.CodeType) -> set[str]:
    """Return the names in the bodies of classes within a function, where names need not be global."""
    names: set[str] = set()
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            if not constant.co_flags & inspect.CO_OPTIMIZED:
                names.update(constant.co_names)
            names |= names_in_class_bodies(constant)
    return names
