"""Hostile inputs that the tests of the servers know, taken from the tests themselves.

What a test learns about, the attack draws from then on. Constants and functions are looked up by name,
wherever below the tests of a package they are defined; one that is renamed is missed by the tests here.
"""

from __future__ import annotations

import functools
import importlib.util
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SERVER_CORE = ROOT / "packages" / "server-core" / "tests"
MUSIC21 = ROOT / "packages" / "music21-server" / "tests" / "reading"


def odd_requests() -> Mapping[str, bytes]:
    """Return the odd requests of the tests of the shortcut, by name."""
    return _defined(SERVER_CORE, "ODD")


def surroundings_of_chunks() -> Mapping[str, bytes]:
    """Return chunked requests with endless extensions and trailers, by name."""
    head = _defined(SERVER_CORE, "CHUNKED")
    return {name: head + data for name, data in _defined(SERVER_CORE, "SURROUNDINGS").items()}


def upgrade_wishes() -> list[tuple[str, ...]]:
    """Return header lines of wishes for another protocol."""
    return _defined(SERVER_CORE, "WISHES")


def paths_near_the_endpoint() -> list[str]:
    """Return paths that resemble those of the server."""
    return _defined(SERVER_CORE, "NEAR")


def discovery_paths() -> list[str]:
    """Return paths at which clients look for an authorization server."""
    return _defined(SERVER_CORE, "DISCOVERY")


def faulty_calls(tool: str, arguments: Mapping[str, Any]) -> Iterator[bytes]:
    """Yield calls of a tool with one fault each, of both wires; the session is called "session 0"."""
    one_fault_each = _defined(SERVER_CORE, "one_fault_each")
    names = one_fault_each.__globals__  # of the module that this folder has imported for itself
    names["BASES"] = [
        names["stateless_call"](tool, dict(arguments)),
        names["session_call"](tool, dict(arguments)),
    ]
    yield from map(as_bytes, one_fault_each())


def faulty_conversations() -> Iterator[tuple[bytes, ...]]:
    """Yield conversations of few requests with one fault each; the session is called "session 0"."""
    for conversation in _defined(SERVER_CORE, "one_step_each")():
        yield tuple(map(as_bytes, conversation))


def hostile_documents() -> Mapping[str, tuple[str, bytes]]:
    """Return small documents that would take long: format and content, by name."""
    return {
        name: document
        for path in _defining(MUSIC21, "HOSTILE")
        for name, document in _imported(path).HOSTILE.items()
    }


def as_bytes(request: Any) -> bytes:
    """Return a request of the tests in memory as it is sent over a connection."""
    headers = [name + b": " + value for name, value in request.headers]
    length = [b"content-length: %d" % len(request.body)] if request.body else []
    line = f"{request.method} /mcp HTTP/1.1".encode()
    return b"\r\n".join([line, b"Host: 127.0.0.1", *headers, *length, b"", b""]) + request.body


@functools.cache
def _defined(folder: Path, name: str) -> Any:
    """Return what the one module below a folder that defines a name has under it."""
    path, *others = _defining(folder, name)
    if others:
        raise ImportError(f"expected one module below {folder} that defines {name}, got {path} and {others}")
    return getattr(_imported(path), name)


def _defining(folder: Path, name: str) -> list[Path]:
    """Return the modules below a folder that define a name."""
    definition = re.compile(rf"^(?:def )?{name}\b *[(:=]", re.MULTILINE)
    paths = [
        path for path in sorted(folder.rglob("*.py")) if definition.search(path.read_text(encoding="utf-8"))
    ]
    if not paths:
        raise ImportError(f"expected a module below {folder} that defines {name}, got none: was it renamed?")
    return paths


@functools.cache
def _imported(path: Path) -> ModuleType:
    """Return a module of tests, imported under a name of its own."""
    name = f"attack_inputs_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"expected a module at {path}, got none that can be imported")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent))  # tests import the modules beside them by their bare names
    try:
        sys.modules[name] = module  # dataclasses look their module up while the body runs
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(path.parent))
    return module
