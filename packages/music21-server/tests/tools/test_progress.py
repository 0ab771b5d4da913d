"""Progress notifications and errors of long tool calls."""

from __future__ import annotations

import asyncio

import pytest
from fastmcp.exceptions import ToolError

from music21_server.errors import ScoreError
from music21_server.tools.progress import long_call
from music21_server.workers.progress import Progress

pytestmark = pytest.mark.anyio


async def test_a_call_ends_after_its_notifications_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[float] = []

    class SlowContext:
        async def report_progress(self, done: float, _total: float, _text: str) -> None:
            for _ in range(5):
                await asyncio.sleep(0)
            sent.append(done)

    monkeypatch.setattr("fastmcp.server.dependencies.get_context", SlowContext)
    async with long_call() as on_progress:
        assert on_progress is not None
        on_progress(Progress(1, 2, "first step"))
        on_progress(Progress(2, 2, "second step"))
    assert sent == [1, 2]


async def test_a_call_outside_fastmcp_has_no_listener_and_its_score_errors_are_tool_errors() -> None:
    async def fail() -> None:
        async with long_call() as on_progress:
            assert on_progress is None
            raise ScoreError("Expected a score, got none.")

    with pytest.raises(ToolError, match="Expected a score"):
        await fail()
