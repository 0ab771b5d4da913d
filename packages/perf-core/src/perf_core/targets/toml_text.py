"""Values as TOML text, for the files that ``perf-core init`` writes."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping

from pydantic import JsonValue

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_CONTROL = re.compile("\x7f")


class NotTomlError(ValueError):
    """A value that TOML cannot express."""


def toml_value(value: JsonValue) -> str:
    """Return a JSON value as TOML on one line.

    Example::

        toml_value({"city": "Oslo", "days": [1, 2]})   # '{ city = "Oslo", days = [1, 2] }'

    Raises:
        NotTomlError: It contains null, or a text with half of a surrogate pair.
    """
    match value:
        case None:
            raise NotTomlError("TOML has no null")
        case bool():
            return "true" if value else "false"
        case str():
            return _text(value)
        case int():
            return str(value)
        case float():
            if not math.isfinite(value):
                raise NotTomlError("JSON has no infinite numbers")
            return repr(value)
        case list():
            return f"[{', '.join(map(toml_value, value))}]"
        case dict():
            return _inline_table(value)
    raise NotTomlError(f"JSON has no {type(value).__name__}")


def toml_key(name: str) -> str:
    """Return the name of a member, quoted if it has to be."""
    return name if _BARE_KEY.fullmatch(name) else _text(name)


def _inline_table(members: Mapping[str, JsonValue]) -> str:
    if not members:
        return "{}"
    return "{ " + ", ".join(f"{toml_key(name)} = {toml_value(each)}" for name, each in members.items()) + " }"


def _text(text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise NotTomlError("TOML has no halves of surrogate pairs") from error
    # JSON escapes all that TOML does, except DEL.
    return _CONTROL.sub(r"\\u007F", json.dumps(text, ensure_ascii=False))


def toml_comment(text: str) -> str:
    """Return a text as lines of comments."""
    return "\n".join(f"# {_printable(line)}".rstrip() for line in text.splitlines() or [""])


def _printable(line: str) -> str:
    # TOML allows tabs as the only control characters of a comment.
    return "".join(each if each.isprintable() or each == "\t" else " " for each in line)
