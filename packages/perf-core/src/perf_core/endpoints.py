"""What a server tells beside MCP, if it does: its uptime at /health, its open sessions at /metrics.

Neither endpoint belongs to MCP: a server without them, or with others in their place, is measured all
the same, so every failure here means "it does not tell".
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

import httpx2

_TIMEOUT_S = 5.0
_OPEN_SESSIONS = re.compile(r"^mcp_sessions_open(?:\{[^}]*\})? (\S+)$", re.MULTILINE)


def uptime_s(mcp_url: str) -> float | None:
    """Return the uptime that ``/health`` reports as ``uptime_s``, None when it does not."""
    response = _get(mcp_url, "/health")
    try:
        value = response.json()["uptime_s"] if response else None
    except (ValueError, KeyError, TypeError):
        return None
    return float(value) if isinstance(value, int | float) else None


def open_sessions(mcp_url: str) -> int | None:
    """Return the gauge ``mcp_sessions_open`` of ``/metrics``, None when there is none."""
    response = _get(mcp_url, "/metrics")
    match = _OPEN_SESSIONS.search(response.text) if response else None
    try:
        return round(float(match[1])) if match else None
    except ValueError:
        return None


def _get(mcp_url: str, path: str) -> httpx2.Response | None:
    url = urlunsplit(urlsplit(mcp_url)._replace(path=path, query=""))
    try:
        response = httpx2.get(url, timeout=_TIMEOUT_S, trust_env=False)
    except httpx2.HTTPError:
        return None
    return response if response.is_success else None
