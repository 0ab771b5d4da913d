"""The transport HTTP+SSE of MCP revision 2024-11-05, recognised at a URL.

Its clients GET a stream whose first event, ``endpoint``, names the address for their messages.

Source: the MCP specification, revision 2025-11-25, transports, "Backwards Compatibility".
"""

from __future__ import annotations

import re
import time

import httpx2

from perf_core.server.credentials.access import OPEN, Access
from perf_core.server.credentials.http_client import http_client
from perf_core.server.credentials.refusals import refusal

_FIRST_EVENT = "event:endpoint"
_BEFORE_THE_NAME = (":", "id:", "retry:")
"""Beginnings of lines that may precede an event's name: the Java SDK on Spring MVC sends the id first."""

_MOST_BYTES = 4096


def has_legacy_stream(url: str, timeout_s: float, *, access: Access = OPEN) -> bool:
    """Return whether a GET at ``url`` opens a stream that begins with the event ``endpoint``.

    Raises:
        RequestRefused: The server demands other credentials for the GET.
    """
    deadline = time.monotonic() + timeout_s
    access = access.at(url)
    headers = {"Accept": "text/event-stream", **access.own_headers()}
    try:
        with (
            http_client(access, timeout_s, follow_redirects=not access.identities) as http,
            http.stream("GET", url, headers=headers) as response,
        ):
            if response.status_code == httpx2.codes.UNAUTHORIZED:
                response.read()
                raise refusal(response, "GET", None, has_credentials=bool(access.identities))
            kind = response.headers.get("content-type", "")
            if not response.is_success or not kind.startswith("text/event-stream"):
                return False
            head = b""
            for chunk in response.iter_bytes():
                head += chunk
                if (decision := _begins_with_endpoint(head)) is not None:
                    return decision
                if len(head) > _MOST_BYTES or time.monotonic() > deadline:
                    return False
    except httpx2.HTTPError:
        return False
    return False


def _begins_with_endpoint(head: bytes) -> bool | None:
    """Return whether the first event of a stream is named ``endpoint``; None until that is known."""
    *lines, _unfinished = re.split("\r\n|\n|\r", head.decode("utf-8", "replace"))
    for line in lines:
        if line and not line.startswith(_BEFORE_THE_NAME):
            return line.replace(" ", "") == _FIRST_EVENT
    return None
