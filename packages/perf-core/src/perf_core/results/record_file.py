"""Reading and writing ``record.json``."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from perf_core.errors import ResultsError
from perf_core.results.files import write_atomically
from perf_core.results.record import SCHEMA, RunRecord

RECORD_NAME = "record.json"


@dataclass(frozen=True)
class _Header:
    schema: int


_ADAPTER: TypeAdapter[RunRecord] = TypeAdapter(RunRecord)
_HEADER: TypeAdapter[_Header] = TypeAdapter(_Header)


def to_json(record: RunRecord) -> str:
    """Return the record as indented JSON text, with the series on one line.

    Raises:
        ValueError: A number in the record is not finite, which JSON cannot represent.
    """
    document = {"schema": record.schema, **{k: v for k, v in asdict(record).items() if k != "schema"}}
    series = document.pop("series")
    text = json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False)
    columns = json.dumps(series, separators=(",", ":"), allow_nan=False)
    return f'{text[:-2]},\n "series": {columns}\n}}\n'


def from_json(text: str | bytes, source: str = RECORD_NAME) -> RunRecord:
    """Return the record in ``text``; error messages name its ``source``.

    Raises:
        ResultsError: The text is not a record of this schema; names the malformed fields.
    """
    try:
        schema = _HEADER.validate_json(text).schema
        if not 1 <= schema <= SCHEMA:
            raise ResultsError(
                f"expected a record of schema 1 to {SCHEMA} in {source}, got schema {schema}",
                "Read it with the version of perf-core that wrote it, or measure again.",
            )
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        problems = "; ".join(map(_problem, error.errors()[:5]))
        raise ResultsError(
            f"{source} is not a record of schema {SCHEMA}: {problems}",
            "`perf-core run` writes records; give the folder of a run or its record.json.",
        ) from error


def _problem(error: ErrorDetails) -> str:
    field = ".".join(map(str, error["loc"])) or "document"
    value = repr(error["input"])
    return f"{field}: {error['msg']}, got {value if len(value) <= 60 else value[:57] + '...'}"


def write(record: RunRecord, folder: Path) -> Path:
    """Write ``record.json`` into ``folder``, whole or not at all, and return its path.

    Raises:
        ResultsError: The folder cannot be written, or a number in the record is not finite.
    """
    path = folder / RECORD_NAME
    try:
        text = to_json(record)
    except ValueError as error:
        raise ResultsError(
            f"expected finite numbers in the record of {record.run_id}, got one that JSON lacks: {error}",
            "Please report this with the run's folder.",
        ) from error
    # A server's name or a command line may hold lone surrogates, which UTF-8 cannot encode.
    write_atomically(path, text.encode("utf-8", "replace"))
    return path


def read(path: Path) -> RunRecord:
    """Return the record at ``path``: a record.json or the folder of a run.

    Raises:
        ResultsError: There is no record, or it is malformed.
    """
    file = path / RECORD_NAME if path.is_dir() else path
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ResultsError(
            f"cannot read {file}: {error.strerror}", "Give the folder of a run or its record.json."
        ) from error
    return from_json(content, str(file))
