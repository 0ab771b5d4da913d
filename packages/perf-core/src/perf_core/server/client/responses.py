"""The JSON-RPC message in an HTTP response, which is JSON or an event stream."""

from __future__ import annotations

import json
from typing import Any

import httpx2


def message_in(response: httpx2.Response) -> Any:
    """Return the message of a response, that of the last event of a stream; None without one."""
    text = response.text
    if response.headers.get("content-type", "").startswith("text/event-stream"):
        text = _last_event_data(text)
    return json_in(text)


def json_in(text: str) -> Any:
    """Return the value of a JSON text; None for another text."""
    try:
        return json.loads(text, parse_constant=_no_json)
    except (ValueError, RecursionError):
        return None


def _no_json(constant: str) -> None:
    """Refuse NaN and infinite numbers, which Python would read."""
    raise ValueError(f"JSON has no {constant}")


def _last_event_data(stream: str) -> str:
    """Return the data of the last event; earlier events may be notifications."""
    events: list[list[str]] = [[]]
    for line in stream.splitlines():
        if not line:
            events.append([])
        elif line.startswith("data:"):
            events[-1].append(line.removeprefix("data:").removeprefix(" "))
    return next(("\n".join(data) for data in reversed(events) if data), "")
