"""A real MCP handshake on either wire, which identifies the server at a URL and its tools."""

from __future__ import annotations

import time
from dataclasses import dataclass

from perf_core.adapter import Wire
from perf_core.server.client import connect


@dataclass(frozen=True)
class Handshake:
    """Identity and sorted tools that a server reported; ``duration_s`` does not include ``tools/list``."""

    url: str
    wire: Wire
    server_name: str
    server_version: str
    tools: tuple[str, ...]
    duration_s: float


def shake_hands(url: str, wire: Wire, timeout_s: float = 10.0, *, token: str | None = None) -> Handshake:
    """Perform a handshake with the server at ``url`` and list its tools.

    Raises:
        TargetError: Nothing answers there, or the answer does not conform to MCP.
    """
    began = time.perf_counter()
    with connect(url, wire, timeout_s, token=token) as client:
        duration_s = time.perf_counter() - began
        name, version = (str(client.server_info.get(key, "")) for key in ("name", "version"))
        return Handshake(url, wire, name, version, client.tools(), duration_s)
