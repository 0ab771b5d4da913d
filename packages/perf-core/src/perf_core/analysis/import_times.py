"""Imports of a Python program at its start, and how long each module takes; pure functions.

Python prints a line for each module that it imports when ``-X importtime`` or PYTHONPROFILEIMPORTTIME asks
for it: the microseconds of the module itself and those with all that it imported, after the lines of what it
imported. Source: https://docs.python.org/3/using/cmdline.html#cmdoption-X
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

STANDARD_LIBRARY = "(standard library)"

MOST_MODULES = 200
"""Modules that a document keeps, the slowest ones; programs import thousands, most in microseconds."""

_LINE = re.compile(r"^import time:\s+(\d+) \|\s+(\d+) \| ( *)(\S+)\s*$")
_FIRST_MODULE = "site"
"""Module that each Python process imports by itself, once."""

_SHOWN_PART_MS = 2.0
_MOST_PARTS = 4


@dataclass(frozen=True)
class ModuleImport:
    """The import of one module.

    Attributes:
        own_ms: Time of the module itself: reading and running it.
        total_ms: The same with all that it was the first to import.
        importer: Module whose import led to this one; empty for what the program itself imported.
    """

    name: str
    own_ms: float
    total_ms: float
    importer: str = ""


@dataclass(frozen=True)
class PackageImport:
    """The imports of all modules of one package, or of one part of it.

    Attributes:
        name: Package such as ``pydantic``, or part such as ``pydantic.main``.
        modules: Number of its modules.
        own_ms: Time of its modules themselves.
        total_ms: The same with what they were the first to import of other packages: at most that much is
            saved by not importing the package.
        importer: Module of another package that imported it first; empty if none did.
        parts: Its slowest parts, one level below.
    """

    name: str
    modules: int
    own_ms: float
    total_ms: float
    importer: str = ""
    parts: tuple[PackageImport, ...] = ()


@dataclass(frozen=True)
class Imports:
    """Imports of a program at its start.

    Attributes:
        runs: Starts of which the times are the medians.
        processes: Python processes that imported; their times are summed up.
        modules: Number of imports.
        total_ms: Time of all of them.
        packages: Folded by package, the slowest first.
        slowest: Single modules by their own time, the slowest first.
    """

    runs: int
    processes: int
    modules: int
    total_ms: float
    packages: tuple[PackageImport, ...]
    slowest: tuple[ModuleImport, ...]


def parse(log: str) -> tuple[ModuleImport, ...]:
    """Return the imports in the output of a program, in the order in which they ended.

    Lines that are about nothing else are skipped. If several processes write to one log, own times stay
    right, and importers may be those of the other process.
    """
    imports: list[ModuleImport] = []
    pending: list[tuple[int, int]] = []  # depth and place of imports whose importer is still to come
    for match in filter(None, map(_LINE.match, log.splitlines())):
        own_us, total_us, indent, name = match.groups()
        depth = len(indent) // 2
        while pending and pending[-1][0] > depth:
            _, place = pending.pop()
            child = imports[place]
            if not child.importer:
                imports[place] = ModuleImport(child.name, child.own_ms, child.total_ms, name)
        pending.append((depth, len(imports)))
        imports.append(ModuleImport(name, int(own_us) / 1000, int(total_us) / 1000))
    return tuple(imports)


def summarize(runs: Sequence[Sequence[ModuleImport]]) -> Imports | None:
    """Return the imports of several starts of one program; None if there are none."""
    runs = [run for run in runs if run]
    if not runs:
        return None
    # The run in the middle, whose tree is consistent in itself, with the median of each module's own time.
    middle = sorted(runs, key=lambda run: sum(each.own_ms for each in run))[len(runs) // 2]
    own_ms = _medians(runs)
    modules = [ModuleImport(each.name, own_ms[each.name], each.total_ms, each.importer) for each in middle]
    return Imports(
        len(runs),
        max(1, sum(each.name == _FIRST_MODULE for each in middle)),
        len(modules),
        sum(each.own_ms for each in modules),
        fold(modules),
        tuple(sorted(modules, key=lambda each: -each.own_ms)[:MOST_MODULES]),
    )


def _medians(runs: Sequence[Sequence[ModuleImport]]) -> dict[str, float]:
    """Return the median of each module's own time; a module that is imported twice has its mean in a run."""
    times: dict[str, list[float]] = {}
    for run in runs:
        of_run: dict[str, list[float]] = {}
        for each in run:
            of_run.setdefault(each.name, []).append(each.own_ms)
        for name, each_ms in of_run.items():
            times.setdefault(name, []).append(sum(each_ms) / len(each_ms))
    return {name: median(each_ms) for name, each_ms in times.items()}


def fold(modules: Sequence[ModuleImport]) -> tuple[PackageImport, ...]:
    """Return the imports folded by package, the slowest first."""
    importers = {each.name: each.importer for each in modules}
    packages: dict[str, list[ModuleImport]] = {}
    for each in modules:
        packages.setdefault(package_of(each.name), []).append(each)
    folded = [
        PackageImport(
            name,
            len(members),
            sum(each.own_ms for each in members),
            _total_ms(members, importers),
            _first_importer(members, name),
            () if name == STANDARD_LIBRARY else tuple(_parts(members, importers)),
        )
        for name, members in packages.items()
    ]
    return tuple(sorted(folded, key=lambda each: -each.own_ms))


def package_of(module: str) -> str:
    """Return the package of a module; all of Python's own share one name."""
    top = module.partition(".")[0]
    return STANDARD_LIBRARY if top in sys.stdlib_module_names else top


def _parts(members: Sequence[ModuleImport], importers: Mapping[str, str]) -> Iterator[PackageImport]:
    parts: dict[str, list[ModuleImport]] = {}
    for each in members:
        parts.setdefault(".".join(each.name.split(".")[:2]), []).append(each)
    slowest = sorted(parts.items(), key=lambda part: -sum(each.own_ms for each in part[1]))
    for name, own in slowest[:_MOST_PARTS] if len(parts) > 1 else ():
        own_ms = sum(each.own_ms for each in own)
        if own_ms >= _SHOWN_PART_MS:
            yield PackageImport(name, len(own), own_ms, _total_ms(own, importers))


def _total_ms(members: Sequence[ModuleImport], importers: Mapping[str, str]) -> float:
    """Return the time of modules with what they imported, each import counted once."""
    names = {each.name for each in members}
    return sum(each.total_ms for each in members if not _is_below(each, names, importers))


def _is_below(module: ModuleImport, names: Collection[str], importers: Mapping[str, str]) -> bool:
    """Return whether some importer of a module, near or far, is one of the named modules."""
    seen = {module.name}
    importer = module.importer
    while importer and importer not in seen:
        if importer in names:
            return True
        seen.add(importer)
        importer = importers.get(importer, "")
    return False


def _first_importer(members: Iterable[ModuleImport], package: str) -> str:
    return next(
        (each.importer for each in members if each.importer and package_of(each.importer) != package), ""
    )
