"""The scripts and suites of the performance history, imported as asv and nox import them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from history_pages import FOLDER


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, ModuleType]]:
    """Yield the scripts, imported by their bare names from their folder, as they import each other."""
    monkeypatch.syspath_prepend(FOLDER)
    names = ("offline", "install", "history")
    yield {name: importlib.import_module(name) for name in names}
    for name in names:
        sys.modules.pop(name, None)


@pytest.fixture
def offline(scripts: dict[str, ModuleType]) -> ModuleType:
    return scripts["offline"]


@pytest.fixture
def install(scripts: dict[str, ModuleType]) -> ModuleType:
    return scripts["install"]


@pytest.fixture
def history(scripts: dict[str, ModuleType]) -> ModuleType:
    return scripts["history"]


@pytest.fixture
def suite(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[str], ModuleType]]:
    """Yield a function that imports a suite as asv does, in a temporary folder."""
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.chdir(tmp_path)
    yield lambda name: importlib.import_module(f"suites.{name}")
    for name in [name for name in sys.modules if name.partition(".")[0] == "suites"]:
        del sys.modules[name]
