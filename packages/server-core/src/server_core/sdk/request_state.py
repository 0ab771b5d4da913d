"""What a request of several rounds carries from one to the next, in a server of several processes.

A tool can answer that it needs something of the client first, and gets what it remembered back with the
client's next request (SEP-2322). The SDK seals that with a key of the process; the next request may reach
another one.
"""

from __future__ import annotations

import hashlib
from typing import Any

from fastmcp import FastMCP
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity


def share_request_state(mcp: FastMCP[Any], key: bytes) -> None:
    """Seal with a key that is made of `key`, unless the app has brought its own.

    Args:
        mcp: The app, before it serves.
        key: A secret that all processes of the server have.
    """
    if mcp._request_state_security is not None:
        return
    server = mcp._mcp_server
    digest = hashlib.blake2b(key, digest_size=32, person=b"request-state").digest()
    shared = RequestStateBoundary(RequestStateSecurity(keys=[digest]), default_audience=server.name)
    places = [index for index, each in enumerate(server.middleware) if type(each) is RequestStateBoundary]
    if len(places) != 1:
        raise RuntimeError("FastMCP seals request state in another way: this release is not supported")
    server.middleware[places[0]] = shared
