"""Mistakes in a target file, in words of TOML; pure functions.

Problems are found in three steps: of single fields (pydantic), of the file as a whole
(:func:`file_problems`), and of those requests and targets that can be read
(:mod:`perf_core.targets.file_checks`).
"""

from __future__ import annotations

import datetime
import difflib
import json
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from perf_core.server.credentials.masking import masked_command, masked_url, masked_word
from perf_core.targets.file_model import COMPLETE, TargetFile

_LONGEST_VALUE = 80

_SENTENCES = {
    "missing": "expected a value",
    "string_type": "expected a text",
    "string_too_short": "expected a text that is not empty",
    "too_short": "expected at least one entry",
    "float_type": "expected a number",
    "float_parsing": "expected a number",
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_from_float": "expected a whole number",
    "finite_number": "expected a number other than nan and inf, which JSON lacks",
    "greater_than": "expected a number above <gt>",
    "greater_than_equal": "expected a number from <ge>",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "list_type": "expected a list, such as [1, 2]",
    "tuple_type": "expected a list",
    "dict_type": "expected a table, such as { a = 1 }",
    "model_type": "expected a table, such as { a = 1 }",
    "path_type": "expected a path",
    "literal_error": "expected <expected>",
    "invalid-json-value": "expected a value that JSON has",
}
"""Our words for pydantic's types of errors."""

ALIASES: Mapping[str, Sequence[str]] = {
    "arguments": ("args", "arg", "params", "parameters", "input", "inputs", "kwargs"),
    "command": ("cmd", "argv", "exec", "run", "start"),
    "env": ("environment", "envs", "variables"),
    "url": ("endpoint", "server_url", "address", "host"),
    "cwd": ("dir", "directory", "folder", "workdir", "working_directory"),
    "request_timeout_s": ("timeout", "timeout_s", "request_timeout"),
    "ready_timeout_s": ("start_timeout_s", "startup_timeout_s"),
    "access": ("auth", "credentials", "headers", "token", "bearer", "oauth"),
    "expect": ("expected", "expects", "answer", "assert", "check"),
    "result": ("equals", "structured", "structuredContent", "structured_content", "value"),
    "contains": ("includes", "substring"),
    "regex": ("pattern", "matches", "match", "regexp"),
    "paths": ("path", "pointer", "pointers"),
    "error": ("is_error", "isError", "fails"),
    "rpc_error": ("code", "jsonrpc_error", "error_code"),
    "shape": ("schema", "types"),
    "resource": ("uri", "resources"),
    "tool": ("tools", "function", "call"),
    "prompt": ("prompts",),
    "save": ("extract", "store", "capture"),
    "draw": ("draws", "random", "values", "data"),
    "lines": ("file", "csv"),
    "choice": ("choices", "enum", "options", "one_of"),
    "range": ("between", "min", "max"),
    "think_time": ("pause", "sleep", "think", "think_time_s"),
    "target": ("threshold", "limit", "level"),
    "comparison": ("operator", "op"),
    "need": ("reason", "why", "description"),
    "scenarios": ("scenario",),
    "figure": ("metric",),
    "targets": ("thresholds", "slo", "slos"),
    "calls": ("call", "requests"),
    "journeys": ("journey", "flows"),
    "steps": ("step",),
}
"""Usual names for a field elsewhere, by the field."""


def field_problems(errors: Sequence[ErrorDetails], document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the place and the reason of each error of pydantic, in words of TOML.

    Args:
        document: The file that was read.
    """
    for error, where in zip(errors, places_of(errors, document), strict=True):
        yield f"{place_of(where)}: {_sentence(error, document)}"


def places_of(errors: Sequence[ErrorDetails], document: Mapping[str, Any]) -> list[list[int | str]]:
    """Return the place of each error in a file."""
    return [
        list(_in_document(error["loc"], document, is_missing=error["type"] == "missing")) for error in errors
    ]


def _in_document(location: Sequence[int | str], document: Any, *, is_missing: bool) -> Iterator[int | str]:
    """Yield the parts of a place that the document has: pydantic adds names of types."""
    at = document
    for index, part in enumerate(location):
        is_member = isinstance(at, dict) and part in at
        is_entry = isinstance(at, list) and isinstance(part, int) and part < len(at)
        if is_member or is_entry:
            yield part
            at = at[part]
        elif is_missing and index == len(location) - 1:
            yield part


def place_of(location: Sequence[int | str]) -> str:
    """Return a place as people see it, such as ``journeys[2].steps[1].expect``; entries count from zero."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in location]
    return "".join(parts).removeprefix(".") or "the file"


def _sentence(error: ErrorDetails, document: Mapping[str, Any]) -> str:
    kind, where = error["type"], error["loc"]
    if kind == "extra_forbidden":
        return f"there is no such field here{suggestion(str(where[-1]), fields_at(where[:-1]))}"
    template = _SENTENCES.get(kind)
    context = error.get("ctx", {})
    if template is not None:
        # pydantic writes alternatives as Python does. Not format(): our sentences have braces of TOML.
        text = template
        for name, value in context.items():
            text = text.replace(f"<{name}>", _plain(value))
    else:
        # Errors of our own say what was expected; those of other models keep their reason.
        text = error["msg"].removeprefix("Value error, ")
    if kind == COMPLETE:
        return text
    if kind == "missing":
        return f"{text}, got none"
    got = _without_secrets(where, error["input"], document)
    return text if got is None else f"{text}, got {got}"


def _without_secrets(where: Sequence[int | str], value: object, document: Mapping[str, Any]) -> str | None:
    """Return a wrong value as it may be shown; None where it may be the secret itself."""
    match where:
        case ["access" | "env", *_]:
            return None
        case ["command", int(index), *_]:
            words = document.get("command")
            masked = masked_command([str(word) for word in words]) if isinstance(words, list) else []
            return shown(value) if index < len(masked) and masked[index] == str(value) else None
        case ["command"]:
            return shown_command(value)
        case ["url", *_]:
            return shown_url(value)
    return shown(value)


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value).replace("True", "true")


def suggestion(name: str, fields: Sequence[str]) -> str:
    """Return "; did you mean …?" for a name that is no field, or an empty text.

    Example::

        suggestion("args", ["tool", "arguments"])   # "; did you mean 'arguments'?"
    """
    usual = [field for field in fields if name in ALIASES.get(field, ())]
    close = usual or difflib.get_close_matches(name, fields, n=1, cutoff=0.6)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; expected one of {', '.join(fields)}" if len(fields) <= 6 and fields else ""


def fields_at(location: Sequence[int | str]) -> list[str]:
    """Return the fields of the table at a place; none where a table has free names, or there is none."""
    annotation: Any = TargetFile
    for part in location:
        annotation = _entry(annotation, part)
    model = _model(annotation)
    return [] if model is None else [field.alias or name for name, field in model.model_fields.items()]


def _entry(annotation: Any, part: int | str) -> Any:
    """Return the type of an entry of a table or list."""
    model = _model(annotation)
    if model is not None:
        names = {field.alias or name: field for name, field in model.model_fields.items()}
        return names[part].annotation if part in names else None
    for each in _alternatives(annotation):
        arguments = get_args(each)
        if arguments and get_origin(each) in (list, tuple, dict):
            return arguments[-1] if get_origin(each) is dict else arguments[0]
    return None


def _model(annotation: Any) -> type[BaseModel] | None:
    for each in _alternatives(annotation):
        if isinstance(each, type) and issubclass(each, BaseModel):
            return each
    return None


def _alternatives(annotation: Any) -> list[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _alternatives(get_args(annotation)[0])
    return list(get_args(annotation)) if origin in (Union, types.UnionType) else [annotation]


def shown(value: object) -> str:
    """Return a value as TOML or JSON would show it, shortened."""
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        text = value.isoformat()
    elif isinstance(value, float) and abs(value) == float("inf"):
        text = str(value)
    else:
        text = json.dumps(value, ensure_ascii=False, default=str).replace("NaN", "nan")
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def shown_url(value: object) -> str:
    """Return a URL like :func:`shown`, without user, password and keys."""
    return shown(masked_word(value) if isinstance(value, str) else masked_url(json.dumps(value, default=str)))


def shown_command(value: object) -> str:
    """Return a command like :func:`shown`, without what looks secret in it."""
    if isinstance(value, str):
        return shown(" ".join(masked_command(value.split())))
    return shown(masked_command([str(word) for word in value]) if isinstance(value, list) else value)


def file_problems(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the file as a whole, whether or not its fields can be read."""
    yield from _start_problems(document)
    has_calls = bool(document.get("calls") or document.get("journeys"))
    if "adapter" in document:
        for name in ("calls", "journeys", "targets", "think_time", "request_timeout_s"):
            if document.get(name):
                yield f"{name}: expected none beside adapter, which has its own, got {shown(document[name])}"
    elif not has_calls and document.get("targets"):
        yield "targets: expected calls or journeys beside them, got none: drawn calls have the usual targets"
    for name in ("calls", "journeys"):
        if document.get(name) == []:
            yield f"{name}: expected at least one entry, got []"


def _start_problems(document: Mapping[str, Any]) -> Iterator[str]:
    command, url = document.get("command"), document.get("url")
    words = " ".join(map(str, command)) if isinstance(command, list) else ""
    env = document.get("env")
    values = " ".join(map(str, env.values())) if isinstance(env, dict) else ""
    is_stdio = document.get("transport") == "stdio"
    if "command" not in document and "url" not in document:
        yield "the file: expected a command that starts the server, or the url of a running one, got neither"
    if is_stdio:
        if "command" not in document:
            yield 'command: expected the command of a server with transport = "stdio", got none'
        if "url" in document:
            yield f'url: expected none with transport = "stdio", got {shown_url(url)}'
    elif command and "{ready_file}" not in words and url is None:
        yield (
            'command: expected {ready_file} in it, or {port} together with url, or transport = "stdio" for a '
            f"server that talks over its standard input and output, got {shown_command(command)}"
        )
    if document.get("shared") is True and not is_stdio:
        yield 'shared: expected transport = "stdio" beside it, since other servers are one process anyway'
    if isinstance(url, str) and "{port}" in url and "{port}" not in words + values:
        yield f"url: expected {{port}} in the command or in env, too, got {shown_url(url)}"
