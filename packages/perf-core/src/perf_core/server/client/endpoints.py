"""Optional endpoints outside MCP: the uptime at ``/health`` and gauges at ``/metrics``.

A server without these endpoints, or with something else there, is measured too, so every failure here means
that the value is unknown.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from urllib.parse import urlsplit, urlunsplit

import httpx2

from perf_core.errors import TargetError
from perf_core.server.credentials.access import OPEN, Access
from perf_core.server.credentials.http_client import http_client

_TIMEOUT_S = 5.0


def uptime_s(mcp_url: str, *, access: Access = OPEN) -> float | None:
    """Return the ``uptime_s`` that ``/health`` reports, or None."""
    response = _get(mcp_url, "/health", access)
    try:
        value = response.json()["uptime_s"] if response else None
    except (ValueError, KeyError, TypeError):
        return None
    return float(value) if isinstance(value, int | float) else None


def open_sessions(mcp_url: str, *, access: Access = OPEN) -> int | None:
    """Return the gauge ``mcp_sessions_open`` of ``/metrics``, or None."""
    value = gauges(mcp_url, ("mcp_sessions_open",), access=access)["mcp_sessions_open"]
    return None if value is None else round(value)


def gauges(mcp_url: str, names: Collection[str], *, access: Access = OPEN) -> dict[str, float | None]:
    """Return gauges of ``/metrics`` by name, summed over labels; None for a gauge that is missing."""
    response = _get(mcp_url, "/metrics", access) if names else None
    text = response.text if response else ""
    return {name: _sum(name, text) for name in names}


def _sum(name: str, text: str) -> float | None:
    values = re.findall(rf"^{re.escape(name)}(?:\{{[^}}]*\}})? (\S+)$", text, re.MULTILINE)
    try:
        total = sum(map(float, values))
    except ValueError:
        return None
    return total if values and math.isfinite(total) else None


def _get(mcp_url: str, path: str, access: Access) -> httpx2.Response | None:
    url = urlunsplit(urlsplit(mcp_url)._replace(path=path, query=""))
    try:
        with http_client(access, _TIMEOUT_S) as http:
            response = http.get(url, headers=dict(access.own_headers()))
    except (httpx2.HTTPError, TargetError):
        return None
    return response if response.is_success else None
