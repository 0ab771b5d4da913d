"""A TOML file that describes a server without an adapter; docs/adapters.md explains every field.

Instead of calls and targets it may contain ``adapter = "music21"``, to use those of an installed adapter for
the same server started differently.

Example::

    name = "weather"
    command = ["weather-server", "--port", "{port}"]
    url = "http://127.0.0.1:{port}/mcp"        # without a command: URL of a running server

    [[calls]]
    tool = "forecast"
    arguments = { city = "{city}" }
    draw.city = { choice = ["Oslo", "Bergen"] }
    expect = { contains = "{city}" }           # or result, members, json, error …; default: any success
    weight = 3

    [[journeys]]
    name = "book"
    steps = [
      { tool = "search", arguments = { city = "Oslo" }, save = { id = "/structuredContent/id" } },
      { tool = "book", arguments = { id = "{id}" } },
    ]

    [[targets]]
    figure = "latency_ms.all.p95"
    comparison = "<"
    target = 100
    need = "People wait for it."
    scenarios = ["quick", "load"]              # default: all
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from perf_core.errors import UsageError
from perf_core.targets.draws import DrawError, Drawing, drawing_of
from perf_core.targets.file_adapter import FILE_SCENARIOS, FileAdapter
from perf_core.targets.file_checks import content_problems
from perf_core.targets.file_model import TargetFile
from perf_core.targets.file_problems import field_problems, file_problems, places_of, shown
from perf_core.targets.readable_part import ReadablePart, readable_part
from perf_core.targets.requests import mix_tables

__all__ = ["FileAdapter", "read_target_file"]

_HINT = "docs/adapters.md has every field with examples; perf-core schema prints the JSON Schema for editors."


def read_target_file(path: Path) -> FileAdapter:
    """Return the server that a TOML file describes.

    Raises:
        UsageError: The file cannot be read, is not TOML, or has mistakes; lists every mistake with its place.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", "Give the path of a TOML file.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not TOML: {error}", "docs/adapters.md has an example.") from error
    part, problems = _read(document)
    drawings, in_content = _content(part.file, path.resolve().parent)
    problems += filter(part.has, in_content)
    if problems:
        listed = "".join(f"\n  {problem}" for problem in dict.fromkeys(problems))
        raise UsageError(f"{path} does not describe a server:{listed}", _HINT)
    return FileAdapter(path, part.file, drawings)


def _read(document: dict[str, Any]) -> tuple[ReadablePart, list[str]]:
    """Return what of a file can be read, and what is wrong with its fields and with the file as a whole."""
    as_a_whole = list(file_problems(document))
    try:
        return ReadablePart(TargetFile.model_validate(document)), as_a_whole
    except ValidationError as error:
        errors = error.errors()
        part = readable_part(document, places_of(errors, document))
        return part, [*field_problems(errors, document), *as_a_whole]


def _content(file: TargetFile, folder: Path) -> tuple[tuple[Mapping[str, Drawing], ...], list[str]]:
    """Return the sources of drawn values, and what is wrong with calls, targets and the files they name.

    Args:
        folder: Folder of the file.
    """
    problems = list(content_problems(file, FILE_SCENARIOS))
    if file.cwd is not None and not (folder / file.cwd).is_dir():
        problems.append(f"cwd: expected a folder, relative to the file, got {shown(file.cwd)}")
    drawings: list[dict[str, Drawing]] = []
    for place, table in mix_tables(file):
        drawings.append({})
        for name, each in table.draw.items():
            try:
                drawings[-1][name] = drawing_of(each, folder)
            except DrawError as error:
                problems.append(f"{place}.draw.{name}: {error}")
    return tuple(drawings), problems
