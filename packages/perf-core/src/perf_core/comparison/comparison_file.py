"""Reading and writing ``comparison.json``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from perf_core.comparison.model import SCHEMA, Comparison
from perf_core.errors import ResultsError
from perf_core.results.files import write_json

COMPARISON_NAME = "comparison.json"

_ADAPTER: TypeAdapter[Comparison] = TypeAdapter(Comparison)


def write(comparison: Comparison, folder: Path) -> Path:
    """Write ``comparison.json`` into ``folder``, whole or not at all, and return its path.

    Raises:
        ResultsError: The folder cannot be written.
    """
    path = folder / COMPARISON_NAME
    write_json(path, {"schema": comparison.schema, "kind": "comparison", **asdict(comparison)})
    return path


def read(path: Path) -> Comparison:
    """Return the comparison at ``path``: a comparison.json or the folder of one.

    Raises:
        ResultsError: There is no comparison, it is malformed, or its schema is unknown.
    """
    file = path / COMPARISON_NAME if path.is_dir() else path
    try:
        document = json.loads(file.read_bytes())
        schema = document["schema"]
        if schema not in range(1, SCHEMA + 1):
            raise ResultsError(
                f"expected a comparison of schema 1 to {SCHEMA} in {file}, got schema {schema}",
                "Read it with the version of perf-core that wrote it, or compare again.",
            )
        return _ADAPTER.validate_python(document)
    except OSError as error:
        raise ResultsError(
            f"cannot read {file}: {error.strerror}", "Give the folder of a comparison."
        ) from error
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise ResultsError(f"{file} is not a comparison: {error}", "Compare again.") from error
