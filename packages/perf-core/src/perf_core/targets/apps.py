"""Apps of FastMCP, as people name them: ``shop.server:mcp`` or ``shop.py:mcp``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from perf_core.errors import UsageError

_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_HINT = "For example shop.server:mcp, ./server.py:mcp, or ./server.py if it has one app."


@dataclass(frozen=True)
class AppPlace:
    """The place of an app: a module or a file.

    Attributes:
        attribute: Name in it, with dots for its members; empty for the only app in it.
    """

    module: str = ""
    file: Path | None = None
    attribute: str = ""

    @property
    def name(self) -> str:
        """Short name, for folders and titles."""
        base = self.file.name if self.file is not None else self.module
        return f"{base}:{self.attribute}" if self.attribute else base


def parse_app(text: str) -> AppPlace:
    """Return where an app is.

    Raises:
        UsageError: The text is neither a module nor an existing Python file.

    Example::

        parse_app("shop.server:mcp")   # AppPlace(module="shop.server", attribute="mcp")
    """
    place, colon, attribute = text.rpartition(":")
    # A path of Windows has a colon of its own.
    if not colon or "/" in attribute or "\\" in attribute:
        place, attribute = text, ""
    if attribute and not _MODULE.fullmatch(attribute):
        raise UsageError(f"expected the name of an app after the colon, got {attribute!r}", _HINT)
    path = Path(place)
    if place.endswith(".py") or "/" in place or "\\" in place:
        if not path.is_file():
            raise UsageError(f"expected a Python file, got {place!r}, which is none", _HINT)
        return AppPlace(file=path.resolve(), attribute=attribute)
    if not _MODULE.fullmatch(place):
        raise UsageError(f"expected a module or a Python file with an app, got {text!r}", _HINT)
    return AppPlace(module=place, attribute=attribute)
