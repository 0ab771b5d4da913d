"""Requests that a server sends during a call, such as an elicitation, which explain a missing answer."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

import httpx2

from perf_core.adapter import Wire
from perf_core.errors import TargetError
from perf_core.server.client.connection import Client, connect
from perf_core.server.client.replies import DECLINE
from perf_core.server.credentials.access import OPEN, Access

_WAIT_S = 3.0
_MOST_TOOLS = 3
_MOST_CALLS = 300


def server_requests(
    url: str, wire: Wire, calls: Mapping[str, Mapping[str, object]], *, access: Access = OPEN
) -> dict[str, str]:
    """Repeat calls that nobody answered, and return the request that the server sends during each, by tool.

    k6 reads an answer as a whole, so it sees nothing of a stream that never ends. A call that is answered now
    is repeated, since perhaps one in a hundred is not. Each tool gets 3 s and 300 calls.

    Args:
        calls: Arguments by tool; only the first three are repeated.
    """
    methods: dict[str, str] = {}
    for tool, arguments in list(calls.items())[:_MOST_TOOLS]:
        try:
            # Like k6, which can answer nothing: a client that can is asked more.
            with connect(url, wire, _WAIT_S, access=replace(access, answers=DECLINE)) as client:
                method = _first_request(client, tool, arguments)
        except (TargetError, TimeoutError, httpx2.HTTPError):
            # The server does not answer at all: there is no more to learn.
            break
        if method:
            methods[tool] = method
    return methods


def _first_request(client: Client, tool: str, arguments: Mapping[str, object]) -> str:
    deadline = time.monotonic() + _WAIT_S
    for _ in range(_MOST_CALLS):
        left_s = deadline - time.monotonic()
        method = client.server_request(tool, arguments, left_s) if left_s > 0 else ""
        if method or left_s <= 0:
            return method
    return ""
