"""Loads an app from a module or a file, as people name it."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import inspect
import sys
from pathlib import Path
from typing import Any

USUAL_NAMES = ("mcp", "server", "app")


class AppError(Exception):
    """The app cannot be loaded or called, in a sentence."""


def load_app(where: dict[str, Any]) -> Any:
    """Return the app at ``{"module" or "file": …, "attribute": …}``; a factory is called for it."""
    module = _module(where)
    attribute = where.get("attribute")
    if not attribute:
        return _only_app(module)
    member: Any = module
    for name in attribute.split("."):
        if not hasattr(member, name):
            names = ", ".join(_apps(module)) or "none"
            raise AppError(
                f"expected {attribute} in {module.__name__}, which has no such name; apps in it: {names}"
            )
        member = getattr(member, name)
    return member if _is_app(member) else _from_factory(member, attribute)


def _module(where: dict[str, Any]) -> Any:
    if where.get("module"):
        return importlib.import_module(where["module"])
    path = Path(where["file"])
    # As if Python ran the file: what stands beside it can be imported.
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise AppError(f"expected a Python file, got {path.name}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def _from_factory(factory: Any, name: str) -> Any:
    if callable(factory):
        try:
            inspect.signature(factory).bind()
        except (TypeError, ValueError) as error:
            raise AppError(f"expected an app or a function without arguments in {name}: {error}") from error
        app = factory()
        if inspect.iscoroutine(app):
            app = asyncio.run(app)
        if _is_app(app):
            return app
    kind = f"{type(factory).__module__}.{type(factory).__name__}"
    raise AppError(f"expected a FastMCP app or a function that returns one in {name}, got {kind}")


def _is_app(candidate: Any) -> bool:
    has_http = hasattr(candidate, "http_app") or hasattr(candidate, "streamable_http_app")
    return not inspect.isclass(candidate) and has_http and hasattr(candidate, "tool")


def _apps(module: Any) -> dict[str, Any]:
    return {name: each for name, each in vars(module).items() if not name.startswith("_") and _is_app(each)}


def _only_app(module: Any) -> Any:
    apps = _apps(module)
    usual = [apps[name] for name in USUAL_NAMES if name in apps]
    if len(apps) == 1 or usual:
        return usual[0] if usual else next(iter(apps.values()))
    names = ", ".join(apps) or "none"
    raise AppError(f"expected one FastMCP app in {module.__name__}, got {names}: name it after a colon")
