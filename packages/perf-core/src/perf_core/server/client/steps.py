"""The steps of journeys as requests of the lab's own client; k6 sends them under load."""

from __future__ import annotations

from typing import Any

import httpx2

from perf_core.adapter import Step
from perf_core.errors import NoAnswer, RequestRefused
from perf_core.server.client.connection import Client


def send_step(client: Client, step: Step) -> dict[str, Any]:
    """Send the request of a step and return its result unchanged.

    Raises:
        NoAnswer: It does not come within the time limit of the client, which can be used further.
        TargetError: The answer is not a JSON-RPC result.
        httpx2.HTTPError: The connection failed.
    """
    try:
        if step.method == "tools/call":
            return client.call(step.tool, step.arguments)
        # The name of a prompt or the URI of a resource, which the stateless wire has in a header.
        name = step.arguments.get("uri") or step.arguments.get("name")
        return client.request(step.method, step.arguments, str(name) if name is not None else None)
    except httpx2.TimeoutException as error:
        raise NoAnswer(
            f"expected an answer from {step.tool}, got none in time", is_temporary=False, timed_out=True
        ) from error


_REFUSED_USER = frozenset({401, 403, 429})
"""Statuses that say something about the user, and nothing about the request."""


def _is_answer(status: int) -> bool:
    return status == httpx2.codes.OK or (httpx2.codes.is_client_error(status) and status not in _REFUSED_USER)


def answer_to(client: Client, step: Step) -> dict[str, Any]:
    """Send the request of a step and return its answer: the ``result``, or the ``error`` of JSON-RPC.

    An error may also come with a status from 400 to 499, except those that refuse the user, as
    ``k6/lib/further_steps.js`` has it.

    Raises:
        TargetError: The answer is neither.
    """
    try:
        return {"result": send_step(client, step)}
    except RequestRefused as error:
        if not isinstance(error.code, int) or not _is_answer(error.status):
            raise
        # The client keeps the code of an error; its message is part of our own.
        return {"error": {"code": error.code, "message": error.message}}
