"""Requests for the rest of a stream, which the SDK does not answer if nothing is resumable."""

from __future__ import annotations

from typing import Any

import pytest

from server_core.layers.session_opening import SessionOpening
from server_core.sdk.counted_sessions import CountedSessions
from server_core.sdk.session_shares import SessionShares
from server_core.sdk.session_state import SessionState

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("is_resumable", [True, False])
async def test_an_app_that_keeps_no_events_is_asked_for_none(*, is_resumable: bool) -> None:
    scopes: list[Any] = []

    async def app(scope: Any, *_: Any) -> None:
        scopes.append(scope)

    sessions = CountedSessions(SessionShares(1, 1), lambda _: None)
    layer = SessionOpening(app, "/mcp", sessions, SessionState(), is_resumable=is_resumable)
    headers = [(b"host", b"a"), (b"last-event-id", b"5"), (b"mcp-session-id", b"s")]
    scope = {"type": "http", "method": "GET", "path": "/mcp", "headers": headers}
    await layer(scope, None, None)  # type: ignore[arg-type]  # the app uses neither
    (seen,) = scopes
    assert ((b"last-event-id", b"5") in seen["headers"]) is is_resumable
    assert [name for name, _ in seen["headers"] if name != b"last-event-id"] == [b"host", b"mcp-session-id"]
