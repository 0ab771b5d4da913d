"""One key for the request state of all workers.

A tool can answer that it needs input from the client first; the state it attaches comes back with the
client's next request (SEP-2322). The SDK seals that state with a key of the process, but the next request may
reach another worker.
"""

from __future__ import annotations

import hashlib
from typing import Any

from fastmcp import FastMCP
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity

from server_core.sdk.internals import low_level_server, request_state_security


def share_request_state(mcp: FastMCP[Any], key: bytes) -> None:
    """Seal request state with a key derived from the workers' secret, unless the app has its own key."""
    if request_state_security(mcp) is not None:
        return
    server = low_level_server(mcp)
    digest = hashlib.blake2b(key, digest_size=32, person=b"request-state").digest()
    shared = RequestStateBoundary(RequestStateSecurity(keys=[digest]), default_audience=server.name)
    boundaries = [index for index, each in enumerate(server.middleware) if type(each) is RequestStateBoundary]
    if len(boundaries) != 1:
        raise RuntimeError(
            f"expected one RequestStateBoundary in FastMCP's low-level server, got {len(boundaries)}: "
            "this release is not supported"
        )
    server.middleware[boundaries[0]] = shared
