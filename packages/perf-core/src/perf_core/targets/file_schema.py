"""The JSON Schema of target files, for editors."""

from __future__ import annotations

from typing import Any

from perf_core.targets.file_model import TargetFile


def file_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of target files, with descriptions.

    Editors that read TOML use it through a comment at the beginning of a file::

        #:schema ./target.schema.json
    """
    schema = TargetFile.model_json_schema()
    schema["title"] = "Target of perf-core"
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
