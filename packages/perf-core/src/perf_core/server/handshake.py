"""A real MCP handshake on either wire: who answers at a URL, and which tools it lists."""

from __future__ import annotations

import time
from dataclasses import dataclass

from perf_core.adapter import Wire
from perf_core.server.client import connect


@dataclass(frozen=True)
class Handshake:
    """What a server said of itself.

    Attributes:
        url: The MCP endpoint.
        wire: Protocol era of the handshake.
        server_name: ``serverInfo.name``.
        server_version: ``serverInfo.version``.
        tools: Names of its tools, sorted.
        duration_s: From the first request until it was greeted (``initialize`` and
            ``notifications/initialized``, or ``server/discover``).
    """

    url: str
    wire: Wire
    server_name: str
    server_version: str
    tools: tuple[str, ...]
    duration_s: float


def shake_hands(url: str, wire: Wire, timeout_s: float = 10.0, *, token: str | None = None) -> Handshake:
    """Greet the server at ``url`` and list its tools.

    Args:
        url: MCP endpoint.
        wire: Protocol era.
        timeout_s: Time that each answer may take.
        token: Bearer token, where the server asks for one.

    Raises:
        TargetError: Nothing answers there, or not as MCP says; names the step and what came.
    """
    began = time.perf_counter()
    with connect(url, wire, timeout_s, token=token) as client:
        duration_s = time.perf_counter() - began
        name, version = (str(client.server_info.get(key, "")) for key in ("name", "version"))
        return Handshake(url, wire, name, version, client.tools(), duration_s)
