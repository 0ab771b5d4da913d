"""Progress of long work, sent to the client that waits for it."""

from __future__ import annotations

import asyncio

from music21_server.workers.progress import Listener, Progress


def progress_listener() -> Listener | None:
    """Return what sends progress to the client whose call is being served; None where nobody asked for it.

    Calls that ask for progress come through FastMCP, whose context knows whom to tell; on the fast lane
    there is none.
    """
    from fastmcp.server.dependencies import get_context

    # Loaded here, in a module of its own: tools that name it are taken for ones that need a context.
    try:
        context = get_context()
    except RuntimeError:
        return None
    sending: set[asyncio.Task[None]] = set()

    def tell(progress: Progress) -> None:
        task = asyncio.create_task(context.report_progress(progress.done, progress.total, progress.text))
        sending.add(task)  # the event loop itself holds no task
        task.add_done_callback(sending.discard)

    return tell
