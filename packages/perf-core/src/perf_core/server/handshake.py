"""A real MCP handshake on either wire, which identifies the server at a URL and its tools."""

from __future__ import annotations

import time
from dataclasses import dataclass

from perf_core.adapter import WIRES, Wire
from perf_core.errors import RequestRefused, TargetError, WireNotOffered
from perf_core.server.access import OPEN, SESSION_REVISION, STATELESS_REVISION, Access
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


def shake_hands(url: str, wire: Wire, timeout_s: float = 10.0, *, access: Access = OPEN) -> Handshake:
    """Perform a handshake with the server at ``url`` and list its tools.

    Raises:
        TargetError: Nothing answers there, or the answer does not conform to MCP.
    """
    began = time.perf_counter()
    with connect(url, wire, timeout_s, access=access) as client:
        duration_s = time.perf_counter() - began
        name, version = (str(client.server_info.get(key, "")) for key in ("name", "version"))
        return Handshake(url, wire, name, version, client.tools(), duration_s)


_REVISIONS = {"session": SESSION_REVISION, "stateless": STATELESS_REVISION}

_PROBE_S = 5.0


def expect_wire(url: str, wire: Wire, timeout_s: float = _PROBE_S, *, access: Access = OPEN) -> None:
    """Raise WireNotOffered if the server at ``url`` answers on the other wire only.

    Each attempt ends after ``timeout_s``. To be called after a handshake on ``wire`` has failed. When the
    other wire answers, ``wire`` is tried again, since the server may have become ready in between.
    """
    other = next(each for each in WIRES if each != wire)
    try:
        shake_hands(url, other, timeout_s, access=access)
    except TargetError:
        return
    try:
        shake_hands(url, wire, timeout_s, access=access)
    except RequestRefused as error:
        # A server that fails on this wire offers it.
        if not error.is_unknown_request:
            return
        raise WireNotOffered(
            f"expected a server that offers the {wire} wire (MCP {_REVISIONS[wire]}) at {url}, got one that "
            f"answers on the {other} wire only",
            f"Measure it with --wire {other}. On the {wire} wire: {error.message}",
        ) from error
    except TargetError:
        return
