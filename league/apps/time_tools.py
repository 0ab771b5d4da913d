"""The tools of two compiled servers, as a FastMCP app: the same names, arguments and answers.

`compare_time` answers as mcp-time (Go) does, `compute_duration` as cortex-mcp (Rust) does, so that both can
be compared with servers in Python that do the same work.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from fastmcp import FastMCP

NAME = "time-tools"


async def compare_time(time_a: str, time_b: str) -> str:
    """Compare two times: -1, 0 or 1."""
    a, b = datetime.fromisoformat(time_a), datetime.fromisoformat(time_b)
    return str((a > b) - (a < b))


async def compute_duration(start: str, end: str) -> str:
    """Compute the time between two timestamps."""
    total_s = round((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds())
    rest, parts = abs(total_s), {}
    for name, size_s in (("days", 86400), ("hours", 3600), ("minutes", 60), ("seconds", 1)):
        parts[name], rest = divmod(rest, size_s)
    words = [f"{count} {name.rstrip('s') if count == 1 else name}" for name, count in parts.items() if count]
    return json.dumps({"total_seconds": total_s, **parts, "human_readable": ", ".join(words)}, indent=2)


def create_server(_settings: Any = None) -> FastMCP[Any]:
    """Create the app."""
    mcp: FastMCP[Any] = FastMCP(NAME, version="1")
    for tool in (compare_time, compute_duration):
        # Without an output schema the answer is a text alone, as those of the compiled servers are.
        mcp.tool(tool, output_schema=None)
    return mcp
