"""Tests that each package uses private names of other libraries in at most one module."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = sorted(path for path in ROOT.glob("packages/*/src/*") if path.is_dir())
INTERNALS = {"server_core": "sdk/internals.py", "perf_core": "runs/ladder/app_side/layers.py"}
"""The module of each package that may use them."""

DOCUMENTED = {"_replace", "_asdict", "_fields", "_make", "_exit"}
"""Public in spite of the underscore: methods of named tuples and `os._exit`."""


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name not in DOCUMENTED


def own_names(tree: ast.Module, package: str) -> set[str]:
    """Return the names in a module that refer to its own classes or to its own package."""
    names = {"self", "cls"} | {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == package:
            names |= {alias.asname or alias.name for alias in node.names}
    return names


def is_own(receiver: ast.expr, names: set[str]) -> bool:
    if isinstance(receiver, ast.Name):
        return receiver.id in names
    # `super()._name` and `type(self)._name`
    return isinstance(receiver, ast.Call) and ast.unparse(receiver) in {"super()", "type(self)"}


def foreign_private_names(source: str, package: str) -> Iterator[str]:
    """Yield the places in a module that use a private name of another library."""
    tree = ast.parse(source)
    names = own_names(tree, package)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr) and not is_own(node.value, names):
            yield f"line {node.lineno}: {ast.unparse(node)}"
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] != package:
            parts = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            yield from (f"line {node.lineno}: import of {part}" for part in parts if is_private(part))
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {
            "getattr",
            "hasattr",
            "setattr",
            "attrgetter",
        }:
            constants = [each.value for each in node.args if isinstance(each, ast.Constant)]
            yield from (
                f"line {node.lineno}: {ast.unparse(node)}"
                for each in constants
                if isinstance(each, str) and is_private(each)
            )


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_private_names_of_other_libraries_stay_in_one_module(package: Path) -> None:
    sources = [
        path for path in package.rglob("*.py") if path != package / INTERNALS.get(package.name, "none")
    ]
    assert sources
    breaches = {
        str(path.relative_to(ROOT)): places
        for path in sources
        if (places := list(foreign_private_names(path.read_text(encoding="utf-8"), package.name)))
    }
    assert breaches == {}, "move these to the package's module for private names of other libraries"


@pytest.mark.parametrize(
    "line",
    [
        "mcp._mcp_server",
        "self.manager._server_instances",
        "asyncio._enter_task(loop, task)",
        "from mcp.server import _streamable_http_modern",
        "from mcp.server._streamable_http_modern import context",
        "getattr(mcp, '_extensions')",
    ],
)
def test_a_private_name_of_another_library_is_detected(line: str) -> None:
    assert list(foreign_private_names(line, "server_core"))


@pytest.mark.parametrize(
    "line",
    [
        "self._x",
        "super()._next(1)",
        "type(self)._x",
        "note._replace(a=1)",
        "os._exit(0)",
        "class Own: ...\nOwn._x",
        "from server_core.fastlane import Lane\nLane._x",
        "a.__class__",
    ],
)
def test_own_and_documented_private_names_are_allowed(line: str) -> None:
    assert list(foreign_private_names(line, "server_core")) == []
