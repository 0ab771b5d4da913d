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
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from perf_core.errors import UsageError
from perf_core.targets.draws import DrawError, Drawing, drawing_of
from perf_core.targets.file_adapter import FILE_SCENARIOS, FileAdapter
from perf_core.targets.file_checks import content_problems
from perf_core.targets.file_model import TargetFile
from perf_core.targets.file_problems import field_problems, file_problems, shown
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
    file, problems = _read(document)
    drawings: list[dict[str, Drawing]] = []
    folder = path.resolve().parent
    if file is not None:
        problems += content_problems(file, FILE_SCENARIOS)
        if file.cwd is not None and not (folder / file.cwd).is_dir():
            problems.append(f"cwd: expected a folder, relative to the file, got {shown(file.cwd)}")
        for place, table in mix_tables(file):
            drawings.append({})
            for name, each in table.draw.items():
                try:
                    drawings[-1][name] = drawing_of(each, folder)
                except DrawError as error:
                    problems.append(f"{place}.draw.{name}: {error}")
    if file is None or problems:
        listed = "".join(f"\n  {problem}" for problem in dict.fromkeys(problems))
        raise UsageError(f"{path} does not describe a server:{listed}", _HINT)
    return FileAdapter(path, file, tuple(drawings))


def _read(document: dict[str, Any]) -> tuple[TargetFile | None, list[str]]:
    """Return the fields of a file, or None, and what is wrong with them and with the file as a whole."""
    try:
        file = TargetFile.model_validate(document)
    except ValidationError as error:
        return None, [*field_problems(error.errors(), document), *file_problems(document)]
    return file, list(file_problems(document))
