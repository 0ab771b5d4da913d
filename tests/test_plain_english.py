"""The prose rules that a program can check; CONTRIBUTING.md has all of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(
    path
    for folder in (
        "packages/*/src",
        "benchmarks",
        "conformance",
        "truth",
        "foreign",
        "attack",
        "supply_chain",
        "fastmcp_suite",
        "tests",
        "packages/*/tests",
    )
    for path in ROOT.glob(f"{folder}/**/*.py")
    if "node_modules" not in path.parts
)
CODE = [path for path in SOURCES if "tests" not in path.parts]

FRAGMENT = re.compile(r"(Of|That|What|Whose|Which|Where|How|Who|Told|As)\b")
"""First words of docstrings that are neither a sentence nor a noun phrase."""

DIALECT = re.compile(
    r"\b(was|were) expected, .{0,80}\bcame\b|\bwas expected\b.{0,60}\bcame\b|"
    r"\b(takes? stock|told of|is told|are told|by turns|whoever|of its own accord|at last\b)",
    re.DOTALL,
)
"""Phrases with a plain replacement: "expected X, got Y"; "reported"; "alternately"; "anyone who"."""

NAMES = {"found", "known", "said", "told", "of", "tell", "teller", "asked", "made", "wanted"}
"""Names that say what happened to a value instead of what it is."""


def docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and text of docstrings, including those of variables and fields."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if not isinstance(body, list):
            continue
        for statement in body:
            if (
                isinstance(statement, ast.Expr)
                and isinstance(statement.value, ast.Constant)
                and isinstance(statement.value.value, str)
            ):
                yield statement.lineno, statement.value.value


def named(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and name of the functions, classes, parameters and variables that a module defines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id


def strings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
        elif isinstance(node, ast.JoinedStr):
            parts = (str(p.value) if isinstance(p, ast.Constant) else "X" for p in node.values)
            yield node.lineno, "".join(parts)


def in_file(path: Path) -> list[str]:
    """Return the places in a file that break a rule."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    at = path.relative_to(ROOT)
    breaches = []
    for line, text in docstrings(tree):
        first = text.strip().split("\n", 1)[0]
        if FRAGMENT.match(first):
            breaches.append(f"{at}:{line}: begins like a fragment: {first[:70]}")
        breaches += [
            f"{at}:{line}: begins like a fragment: {entry[:70]}"
            for entry in re.findall(r"(?m)^\s{4,}\w+: (.+)$", text)
            if re.match(r"(Of|That|Told)\b", entry)
        ]
    if path in CODE:
        for line, name in named(tree):
            if name.strip("_") in NAMES:
                breaches.append(f"{at}:{line}: a name that does not say what the value is: {name}")
        for line, text in strings(tree):
            match = DIALECT.search(text)
            if match:
                breaches.append(f"{at}:{line}: not plain: {match.group()!r}")
    return breaches


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_prose_is_plain(path: Path) -> None:
    assert in_file(path) == []
