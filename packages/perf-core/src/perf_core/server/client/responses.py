"""JSON of answers, as strict as k6's scripts read it."""

from __future__ import annotations

import json
from typing import Any


def json_in(text: str) -> Any:
    """Return the value of a JSON text; None for another text."""
    try:
        return json.loads(text, parse_constant=_no_json)
    except (ValueError, RecursionError):
        return None


def _no_json(constant: str) -> None:
    """Refuse NaN and infinite numbers, which Python would read."""
    raise ValueError(f"JSON has no {constant}")
