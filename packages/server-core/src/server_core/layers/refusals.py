"""The response to a request that a layer refuses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from starlette.types import Send

_INVALID_REQUEST: Final = -32600


async def refuse(
    send: Send,
    status: int,
    message: str,
    extra_headers: Sequence[tuple[bytes, bytes]] = (),
    *,
    code: int = _INVALID_REQUEST,
) -> None:
    """Send an HTTP error whose body is a JSON-RPC error without a request id."""
    error = {"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": message}}
    body = json.dumps(error, separators=(",", ":")).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body)), *extra_headers]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
