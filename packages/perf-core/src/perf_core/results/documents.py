"""Kinds of result files besides the record of a run: ``comparison.json``, ``capacity.json`` and so on.

Each is a JSON file named after its kind, whose content is a frozen dataclass with a schema version.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from perf_core.errors import ResultsError
from perf_core.results.files import write_json

Document = TypeVar("Document")
"""A dataclass."""


@dataclass(frozen=True)
class DocumentKind(Generic[Document]):
    """Kind of result file.

    Attributes:
        name: What it holds, as a noun: ``comparison``.
        schema: Newest schema version; earlier ones are readable, so new members need defaults.
        type: Dataclass of the content.
        upgraded: Returns the members of a file of any schema as those of the newest, where defaults are not
            enough.

    Example::

        CAPACITIES = DocumentKind("capacity", 1, Capacity)
        CAPACITIES.write(capacity, folder)     # folder/capacity.json
        CAPACITIES.read(folder)
    """

    name: str
    schema: int
    type: type[Document]
    upgraded: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict

    @property
    def file_name(self) -> str:
        """Name of the file in the folder of results."""
        return f"{self.name}.json"

    def members(self, document: Document) -> dict[str, Any]:
        """Return the content of the file: schema and kind first."""
        return {"schema": self.schema, "kind": self.name, **asdict(cast("Any", document))}

    def write(self, document: Document, folder: Path) -> Path:
        """Write the file into ``folder``, whole or not at all, and return its path.

        Raises:
            ResultsError: The folder cannot be written.
        """
        path = folder / self.file_name
        write_json(path, self.members(document))
        return path

    def read(self, path: Path) -> Document:
        """Return the document at ``path``, a file or the folder of one.

        Raises:
            ResultsError: There is none, it is malformed, or its schema is unknown.
        """
        file = path / self.file_name if path.is_dir() else path
        try:
            members = json.loads(file.read_bytes())
            schema = members["schema"]
            if schema not in range(1, self.schema + 1):
                raise ResultsError(
                    f"expected a {self.name} of schema 1 to {self.schema} in {file}, got schema {schema}",
                    "Read it with the version of perf-core that wrote it, or measure again.",
                )
            if members.get("kind", self.name) != self.name:
                raise ResultsError(
                    f"expected a {self.name} in {file}, got a file of kind {members['kind']!r}",
                    f"Give the folder that has {self.file_name}.",
                )
            return TypeAdapter(self.type).validate_python(self.upgraded(members))
        except OSError as error:
            raise ResultsError(
                f"cannot read {file}: {error.strerror}", f"Give the folder of a {self.name}."
            ) from error
        except (ValueError, KeyError, TypeError, AttributeError, ValidationError) as error:
            raise ResultsError(f"{file} is not a {self.name}: {error}", "Measure again.") from error
