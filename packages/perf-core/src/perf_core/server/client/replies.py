"""Replies of the lab to requests that a server sends during a call, so that the call ends.

On the session wire a server sends such a request within the stream of the call's answer, and the reply is a
POST of its own. On the stateless wire the server answers with a result of the type ``input_required``, and
the client repeats its call with the replies. A user is asked nothing: an elicitation is declined and sampling
refused, unless the file of the target has answers.

Source: the MCP specification, revision 2026-07-28, multi round-trip requests. The replies themselves are in
:mod:`perf_core.server.bridge.replies`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import httpx2

from perf_core.server.bridge.replies import DECLINE, Answers, reply_to, result_for
from perf_core.server.credentials.bounded_transport import LARGEST_ANSWER_BYTES, TooLong, text_encoding

__all__ = [
    "DECLINE",
    "Answers",
    "events_in_time",
    "input_methods",
    "is_request",
    "is_stream",
    "needs_user",
    "read_whole",
    "reply_to",
    "with_replies",
]

MOST_ROUNDS = 5
"""Times for which a call is repeated with replies; a server that always asks must not hold up the lab."""


def input_methods(result: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the methods of the requests in a result of the type ``input_required``; empty for others."""
    if result.get("resultType") != "input_required":
        return ()
    requests = result.get("inputRequests")
    each = requests.values() if isinstance(requests, Mapping) else ()
    methods = tuple(str(request.get("method")) for request in each if isinstance(request, Mapping))
    # A server may also ask only to be asked again.
    return methods or ("input_required",)


def with_replies(
    params: Mapping[str, Any], result: Mapping[str, Any], answers: Answers = DECLINE
) -> dict[str, Any] | None:
    """Return the parameters with which to repeat a call whose result is of the type ``input_required``.

    Return None if a request in it is refused: the stateless wire has no reply for that, and the call ends.
    """
    requests = result.get("inputRequests") or {}
    if not isinstance(requests, Mapping):
        return None
    replies: dict[str, Any] = {}
    for key, request in requests.items():
        is_request = isinstance(request, Mapping)
        reply = result_for(str(request.get("method")), request.get("params"), answers) if is_request else None
        if reply is None:
            return None
        replies[key] = reply
    state = result.get("requestState")
    return {
        **params,
        **({"inputResponses": replies} if replies else {}),
        **({} if state is None else {"requestState": state}),
    }


def is_request(message: Any) -> bool:
    """Return whether a message of a server is a request, which needs a reply."""
    return isinstance(message, Mapping) and "method" in message and message.get("id") is not None


def needs_user(request: Mapping[str, Any]) -> bool:
    """Return whether a server needs something of its user, and may wait for the reply before its answer."""
    return request.get("method") != "ping"


def is_stream(response: httpx2.Response) -> bool:
    """Return whether the body of a response is an event stream."""
    return str(response.headers.get("content-type", "")).startswith("text/event-stream")


def read_whole(
    response: httpx2.Response, number: int, on_request: Callable[[Mapping[str, Any]], None], limit_s: float
) -> httpx2.Response:
    """Read an opened response and return one whose body is the answer.

    A stream is read up to its answer, since some servers keep it open afterwards. Requests of the server in
    it are handed to ``on_request`` as they arrive. Without an answer in it, its last message is returned.

    Args:
        number: Id of the request that is answered.
        limit_s: Longest time for the answer: the limit of an HTTP client is one for each read, which progress
            could put off for ever.

    Raises:
        httpx2.ReadTimeout: There is no whole answer within that time.
    """
    if not is_stream(response):
        pieces = _in_time(response.iter_bytes(), response, time.monotonic() + limit_s)
        return _with_body(response, b"".join(pieces))
    last = ""
    for data in events_in_time(response, limit_s):
        message = _json(data)
        if is_request(message):
            on_request(message)
            continue
        last = data
        if isinstance(message, Mapping) and message.get("id") == number:
            break
    return _with_body(response, last.encode(), "application/json")


def _with_body(response: httpx2.Response, body: bytes, kind: str = "") -> httpx2.Response:
    """Return a response with a body that was read, and perhaps another content type."""
    headers = httpx2.Headers(response.headers)
    for name in ("content-encoding", "content-length", "transfer-encoding"):
        headers.pop(name, None)
    if kind:
        headers["content-type"] = kind
    whole = httpx2.Response(response.status_code, headers=headers, content=body, request=response.request)
    whole.encoding = text_encoding(whole)
    return whole


def events_in_time(response: httpx2.Response, limit_s: float) -> Iterator[str]:
    """Yield the data of each event of an opened stream.

    Raises:
        httpx2.ReadTimeout: The stream has not ended within that time.
        TooLong: An event is longer than the lab can bear.
    """
    yield from _events(_in_time(response.iter_text(), response, time.monotonic() + limit_s), response)


Piece = TypeVar("Piece", str, bytes)


def _in_time(pieces: Iterator[Piece], response: httpx2.Response, deadline: float) -> Iterator[Piece]:
    for piece in pieces:
        if time.monotonic() > deadline:
            raise httpx2.ReadTimeout("there was no whole answer in time", request=response.request)
        yield piece


def _events(pieces: Iterator[str], response: httpx2.Response) -> Iterator[str]:
    unfinished: list[str] = []
    data: list[str] = []
    length = 0
    for piece in pieces:
        # Not splitlines: JSON may contain other characters that it takes for the end of a line.
        *ends, rest = piece.split("\n")
        length += len(piece)
        for end in ends:
            line = "".join([*unfinished, end]).removesuffix("\r")
            unfinished.clear()
            if line.startswith("data:"):
                data.append(line.removeprefix("data:").removeprefix(" "))
            elif not line:
                length = len(rest)
                if data:
                    yield "\n".join(data)
                data.clear()
        unfinished.append(rest)
        if length > LARGEST_ANSWER_BYTES:
            raise TooLong(response.request)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
