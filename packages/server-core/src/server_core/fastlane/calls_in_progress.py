"""Calls that are being answered in sessions, for clients that cancel them or end their session.

The SDK stops the work of a request that the client cancels with ``notifications/cancelled``, or whose session
it ends, and answers it with an error. Clients cancel when a user presses Escape, or when their own time limit
has passed.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, Final

import anyio
from mcp.server.streamable_http import REQUEST_CANCELLED
from mcp.shared.dispatcher import coerce_request_id
from mcp.shared.jsonrpc_dispatcher import cancelled_request_id_from_params
from mcp_types import INTERNAL_ERROR
from pydantic_core import from_json

CANCELLATION: Final = "notifications/cancelled"

Response = tuple[int, bytes]
"""HTTP status and body."""


@dataclass(slots=True, eq=False)
class _Call:
    """A call in progress; `instead` is the response to it once it has been stopped."""

    id_json: bytes
    scope: anyio.CancelScope
    instead: Response | None = None

    def stop(self, instead: Response) -> None:
        self.instead = instead
        self.scope.cancel()


class CallsInProgress:
    """The calls in progress, by session and request id."""

    def __init__(self) -> None:
        self._calls: dict[bytes, dict[int | str, _Call]] = {}

    async def finish(self, session_id: bytes, id_json: bytes, work: Awaitable[Response]) -> Response:
        """Return the response that `work` makes, or the SDK's if the client stops the call meanwhile."""
        # The SDK takes "7" and 7 for the same id, and the latest of two requests with one id.
        key = coerce_request_id(from_json(id_json))
        with anyio.CancelScope() as scope:
            call = _Call(id_json, scope)
            calls = self._calls.setdefault(session_id, {})
            calls[key] = call
            try:
                response = await work
            finally:
                if calls.get(key) is call:
                    del calls[key]
                if not calls and self._calls.get(session_id) is calls:
                    del self._calls[session_id]
        return response if call.instead is None else call.instead

    def cancel(self, session_id: bytes, params: Any) -> None:
        """Stop the call that a cancellation with these parameters names, if it is in progress."""
        request_id = cancelled_request_id_from_params(params) if isinstance(params, dict) else None
        if request_id is not None:
            call = self._calls.get(session_id, {}).get(coerce_request_id(request_id))
            if call is not None:
                call.stop((200, _cancelled(call.id_json)))

    def end(self, session_id: bytes) -> None:
        """Stop all calls of a session that has ended."""
        for call in list(self._calls.get(session_id, {}).values()):
            call.stop((500, _SESSION_ENDED))


def _cancelled(id_json: bytes) -> bytes:
    """Return the SDK's response to a request that its client has cancelled."""
    return (
        b'{"jsonrpc":"2.0","id":' + id_json + b',"error":{"code":%d,' % REQUEST_CANCELLED
        + b'"message":"Request cancelled"}}'
    )  # fmt: skip


_SESSION_ENDED: Final = (
    b'{"jsonrpc":"2.0","id":null,"error":{"code":%d,' % INTERNAL_ERROR
    + b'"message":"Session terminated before the request completed"}}'
)
