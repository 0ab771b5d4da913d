"""Calls that are being answered in sessions, and which of them their clients have cancelled.

The SDK stops the work of a request that the client cancels with ``notifications/cancelled``, and answers it
with an error. Clients send that when a user presses Escape, or when their own time limit has passed.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Final, TypeVar

import anyio
from mcp.server.streamable_http import REQUEST_CANCELLED
from mcp.shared.dispatcher import coerce_request_id
from mcp.shared.jsonrpc_dispatcher import cancelled_request_id_from_params
from pydantic_core import from_json

CANCELLATION: Final = "notifications/cancelled"

T = TypeVar("T")


class CallsInProgress:
    """The calls in progress, by session and request id."""

    def __init__(self) -> None:
        self._scopes: dict[tuple[bytes, int | str], anyio.CancelScope] = {}

    async def finish(self, session_id: bytes, id_json: bytes, work: Awaitable[T]) -> T | None:
        """Return the result of `work`, None if the client cancels its request meanwhile."""
        # The SDK takes "7" and 7 for the same id, and the latest of two requests with one id.
        key = (session_id, coerce_request_id(from_json(id_json)))
        result: T | None = None
        with anyio.CancelScope() as scope:
            self._scopes[key] = scope
            try:
                result = await work
            finally:
                if self._scopes.get(key) is scope:
                    del self._scopes[key]
        return None if scope.cancel_called else result

    def cancel(self, session_id: bytes, params: Any) -> None:
        """Stop the call that a cancellation with these parameters names, if it is in progress."""
        request_id = cancelled_request_id_from_params(params) if isinstance(params, dict) else None
        if request_id is not None:
            scope = self._scopes.get((session_id, coerce_request_id(request_id)))
            if scope is not None:
                scope.cancel()


def cancelled_response(id_json: bytes) -> bytes:
    """Return the SDK's response to a request that its client has cancelled."""
    return (
        b'{"jsonrpc":"2.0","id":' + id_json + b',"error":{"code":%d,' % REQUEST_CANCELLED
        + b'"message":"Request cancelled"}}'
    )  # fmt: skip
