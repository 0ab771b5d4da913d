"""Tool calls that take long: progress notifications for the client, and errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from music21_server.tools.common import tool_errors
from music21_server.workers.progress import Listener, Progress


@asynccontextmanager
async def long_call() -> AsyncIterator[Listener | None]:
    """Yield a listener that sends progress to the client, and turn a ScoreError into a tool error.

    Calls that ask for progress are served by FastMCP, whose context knows the client. On the fast lane there
    is no context, and the listener is None. The block ends when every notification is sent, because a client
    drops those that follow the answer.
    """
    from fastmcp.server.dependencies import get_context

    # Not at the top of a module with tools: the fast lane excludes tools whose code refers to `get_context`.
    try:
        context = get_context()
    except RuntimeError:
        with tool_errors():
            yield None
        return
    sending: set[asyncio.Task[None]] = set()

    def send(progress: Progress) -> None:
        task = asyncio.create_task(context.report_progress(progress.done, progress.total, progress.text))
        sending.add(task)  # the event loop holds only weak references
        task.add_done_callback(sending.discard)

    with tool_errors():
        yield send
    if sending:
        await asyncio.wait(sending)
