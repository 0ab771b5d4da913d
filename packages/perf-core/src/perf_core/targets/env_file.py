"""Variables in a file of lines ``NAME=VALUE``, as ``envFile`` of VS Code names one.

Source: code.visualstudio.com (MCP configuration reference, ``envFile``), and the format that dotenv libraries
share: comments, blank lines, ``export`` before a name, values in single or double quotes.
"""

from __future__ import annotations

import re
from pathlib import Path

from perf_core.errors import UsageError

_LINE = re.compile(
    r"""
    \s* (?:export\s+)? (?P<name>[A-Za-z_][\w.-]*) \s* = \s*
    (?: '(?P<literal>[^']*)' | "(?P<quoted>(?:\\.|[^"\\])*)" | (?P<plain>(?:[^'"\s\#].*?)?) )
    (?: \s* | \s+\#.* )
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def read_env_file(path: Path) -> dict[str, str]:
    """Return the variables in a file, the last of those with the same name.

    Raises:
        UsageError: It cannot be read, or a line is no variable; its text, which may be secret, is not told.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(
            f"envFile: cannot read {path}: {error.strerror}", "Correct the path, or leave envFile out."
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"envFile: {path} is not text in UTF-8: {error.reason}", _HINT) from error
    variables: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise UsageError(
                f"envFile: expected NAME=VALUE in line {number} of {path}, got another text", _HINT
            )
        variables[match["name"]] = _value(match)
    return variables


_HINT = "Each line has one variable, such as API_KEY=k-1 or GREETING='good morning'."


def _value(match: re.Match[str]) -> str:
    if match["literal"] is not None:
        return match["literal"]
    if match["quoted"] is not None:
        return re.sub(r"\\(.)", lambda each: _ESCAPES.get(each[1], each[1]), match["quoted"])
    return match["plain"].strip()
