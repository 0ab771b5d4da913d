"""Calls that their clients cancel stop, as in the SDK; all others are not disturbed."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from mcp.server.streamable_http import REQUEST_CANCELLED
from mcp_types import INTERNAL_ERROR

from server_core.fastlane.calls_in_progress import CallsInProgress

pytestmark = pytest.mark.anyio


class Work:
    """Work that waits until it is released, and notes how it ended."""

    def __init__(self) -> None:
        self.began, self.release = asyncio.Event(), asyncio.Event()
        self.ended = ""

    async def __call__(self) -> tuple[int, bytes]:
        self.began.set()
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.ended = "cancelled"
            raise
        self.ended = "done"
        return 200, b"done"


DONE = (200, b"done")


async def started(calls: CallsInProgress, session: bytes, id_json: bytes) -> tuple[Work, asyncio.Task[Any]]:
    work = Work()
    task = asyncio.create_task(calls.finish(session, id_json, work()))
    await work.began.wait()
    return work, task


def cancelled(identity: Any) -> dict[str, Any]:
    error = {"code": REQUEST_CANCELLED, "message": "Request cancelled"}
    return {"jsonrpc": "2.0", "id": identity, "error": error}


@pytest.mark.parametrize(("id_json", "named"), [(b"7", 7), (b"7", "7"), (b'"7"', 7), (b'"a"', "a")])
async def test_a_cancelled_call_stops(id_json: bytes, named: Any) -> None:
    calls = CallsInProgress()
    work, task = await started(calls, b"s", id_json)
    calls.cancel(b"s", {"requestId": named, "reason": "the user pressed Escape"})
    status, body = await task
    assert (status, json.loads(body)) == (200, cancelled(json.loads(id_json)))
    assert work.ended == "cancelled"
    assert not task.cancelled()
    assert calls._calls == {}


@pytest.mark.parametrize(
    ("session", "params"),
    [
        (b"other", {"requestId": 7}),
        (b"s", {"requestId": 8}),
        (b"s", {"requestId": None}),
        (b"s", {"requestId": [7]}),
        (b"s", {"requestId": True}),
        (b"s", {}),
        (b"s", None),
        (b"s", 7),
    ],
)
async def test_other_cancellations_change_nothing(session: bytes, params: Any) -> None:
    calls = CallsInProgress()
    work, task = await started(calls, b"s", b"7")
    calls.cancel(session, params)
    work.release.set()
    assert await task == DONE
    assert calls._calls == {}


async def test_of_two_calls_with_one_id_the_later_stops() -> None:
    calls = CallsInProgress()
    first, first_task = await started(calls, b"s", b"7")
    second, second_task = await started(calls, b"s", b"7")
    calls.cancel(b"s", {"requestId": 7})
    assert json.loads((await second_task)[1]) == cancelled(7)
    assert second.ended == "cancelled"
    calls.cancel(b"s", {"requestId": 7})  # names nothing any more
    first.release.set()
    assert await first_task == DONE


async def test_an_exception_and_a_cancelled_task_pass_through() -> None:
    calls = CallsInProgress()

    async def fails() -> tuple[int, bytes]:
        raise LookupError("lost")

    with pytest.raises(LookupError, match="lost"):
        await calls.finish(b"s", b"7", fails())
    work, task = await started(calls, b"s", b"7")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert work.ended == "cancelled"
    assert calls._calls == {}


async def test_the_calls_of_a_session_that_ends_stop() -> None:
    calls = CallsInProgress()
    ended = [await started(calls, b"s", id_json) for id_json in (b"1", b"2")]
    other, other_task = await started(calls, b"other", b"1")
    calls.end(b"s")
    for work, task in ended:
        status, body = await task
        assert (status, json.loads(body)["error"]["code"]) == (500, INTERNAL_ERROR)
        assert work.ended == "cancelled"
    other.release.set()
    assert await other_task == DONE
    calls.end(b"s")
    assert calls._calls == {}
