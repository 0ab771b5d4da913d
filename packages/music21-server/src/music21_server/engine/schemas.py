"""Output schemas of the analysis tools, with the docstrings of dataclass fields as descriptions."""

from __future__ import annotations

import functools
from types import GenericAlias
from typing import Any

from pydantic import ConfigDict, TypeAdapter

from music21_server.engine.pages import Page


def output_schema(result: Any, pages: str | None) -> dict[str, Any]:
    """Return the JSON schema of an analysis' answer.

    Args:
        result: Dataclass of the result.
        pages: Field that is cut into pages; None for a short answer.
    """
    schema = dict(_schema(result))
    own: dict[str, Any] = {"score_id": {"type": "string", "description": "The score that was analysed."}}
    schema["properties"] = {**own, **schema["properties"]}
    schema["required"] = ["score_id", *schema.get("required", [])]
    if pages is not None:
        schema["properties"]["page"] = {**_schema(Page), "description": f"Which of all `{pages}` these are."}
        schema["required"].append("page")
    return schema


@functools.cache  # pydantic reads the source of each dataclass, about 3 ms
def _schema(kind: Any) -> dict[str, Any]:
    # Pydantic takes a configuration only for types without one of their own, so the dataclass is wrapped.
    config = ConfigDict(use_attribute_docstrings=True)
    wrapped: Any = GenericAlias(tuple, (kind,))
    definitions = TypeAdapter(wrapped, config=config).json_schema(mode="serialization")["$defs"]
    for definition in definitions.values():
        definition.pop("title", None)
        for field in definition.get("properties", {}).values():
            field.pop("title", None)
            if "description" in field:
                field["description"] = " ".join(field["description"].split())
    schema: dict[str, Any] = definitions.pop(kind.__name__)
    return {**schema, "$defs": definitions} if definitions else schema
