"""Optional endpoints outside MCP: the uptime at ``/health`` and gauges at ``/metrics``.

A server without these endpoints, or with something else there, is measured too, so every failure here means
that the value is unknown.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping
from urllib.parse import urlsplit, urlunsplit

import httpx2

from perf_core.errors import TargetError
from perf_core.server.client.responses import json_in
from perf_core.server.credentials.access import OPEN, Access
from perf_core.server.credentials.http_client import http_client

_TIMEOUT_S = 5.0

_NAME = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*")
"""Name of a metric, where a line of Prometheus' text format begins with one."""


def uptime_s(mcp_url: str, *, access: Access = OPEN) -> float | None:
    """Return the ``uptime_s`` that ``/health`` reports, or None."""
    response = _get(mcp_url, "/health", access)
    health = json_in(response.text) if response else None
    value = health.get("uptime_s") if isinstance(health, dict) else None
    return _finite(value) if isinstance(value, int | float) else None


def open_sessions(mcp_url: str, *, access: Access = OPEN) -> int | None:
    """Return the gauge ``mcp_sessions_open`` of ``/metrics``, or None."""
    value = gauges(mcp_url, ("mcp_sessions_open",), access=access)["mcp_sessions_open"]
    return None if value is None else round(value)


def gauges(mcp_url: str, names: Collection[str], *, access: Access = OPEN) -> dict[str, float | None]:
    """Return gauges of ``/metrics`` by name, summed over labels; None for a gauge that is missing."""
    response = _get(mcp_url, "/metrics", access) if names else None
    text = response.text if response else ""
    return {name: _sum(name, text) for name in names}


def totals(
    mcp_url: str, endings: Mapping[str, tuple[str, ...]], *, access: Access = OPEN
) -> dict[str, float | None]:
    """Return sums over samples of ``/metrics`` whose names end alike; None where there is none.

    Args:
        endings: Ends of names, by the name that their sum gets.
    """
    response = _get(mcp_url, "/metrics", access)
    text = response.text if response else ""
    names = sorted({match[0] for line in text.split("\n") if (match := _NAME.match(line))})
    sums: dict[str, float | None] = {}
    for total, its_endings in endings.items():
        values = [_sum(name, text) for name in names if name.endswith(its_endings)]
        numbers = [value for value in values if value is not None]
        sums[total] = sum(numbers) if numbers else None
    return sums


def _sum(name: str, text: str) -> float | None:
    values = list(_samples(name, text))
    numbers = [value for value in values if value is not None]
    return _finite(sum(numbers)) if numbers and len(numbers) == len(values) else None


def _samples(name: str, text: str) -> Iterator[float | None]:
    """Yield the values of a metric in Prometheus' text format; None for one that is no number."""
    for line in text.split("\n"):
        rest = line.removeprefix(name)
        if rest == line or rest[:1] not in {"{", " "}:
            continue
        # A time may follow the value.
        words = rest.rpartition("}")[2].split()
        yield _finite(words[0]) if words else None


def _finite(value: float | str) -> float | None:
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _get(mcp_url: str, path: str, access: Access) -> httpx2.Response | None:
    url = urlunsplit(urlsplit(mcp_url)._replace(path=path, query=""))
    try:
        with http_client(access, _TIMEOUT_S) as http:
            response = http.get(url, headers=dict(access.own_headers()))
    except (httpx2.HTTPError, TargetError):
        return None
    return response if response.is_success else None
