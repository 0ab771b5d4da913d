"""The transport HTTP+SSE of revision 2024-11-05, recognised by its first event."""

from __future__ import annotations

from typing import Any

import pytest

from perf_core.server.client.legacy import _begins_with_endpoint, has_legacy_stream
from perf_core.server.credentials.access import bearer

TIMEOUT_S = 10.0


def test_first_event_decides(guarded: Any) -> None:
    server = guarded()
    server.is_legacy = True
    assert has_legacy_stream(f"{server.origin}/sse", TIMEOUT_S, access=bearer(["t0ken"]))
    assert server.seen[-1][2]["Authorization"] == "Bearer t0ken"
    assert not has_legacy_stream(f"{server.origin}/health", TIMEOUT_S)
    assert not has_legacy_stream("http://127.0.0.1:9/sse", TIMEOUT_S)


@pytest.mark.parametrize("streams", ["held", "refused"])
def test_stream_of_a_newer_server_is_none(streamer: Any, streams: str) -> None:
    assert not has_legacy_stream(streamer(streams=streams).url, 0.5)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"event: endpoint\r\ndata: /m\r\n\r\n", True),
        (b"event:endpoint\n", True),
        (b": ping\n\nevent: endpoint\n", True),
        (b"id: 7\r\nevent: endpoint\r\ndata: /m\r\n\r\n", True),
        (b"retry: 10\n\nid:7\n", None),
        (b"id: 7\nevent: message\n", False),
        (b"event: endpoi", None),
        (b"event: endpoint", None),
        (b"", None),
        (b": ping\n", None),
        (b"event: message\n", False),
        (b"data: x\n", False),
        (b"\xff\xfe\n", False),
    ],
)
def test_beginnings_of_streams(head: bytes, expected: bool | None) -> None:
    assert _begins_with_endpoint(head) is expected
