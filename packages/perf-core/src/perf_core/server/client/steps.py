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


def answer_to(client: Client, step: Step) -> dict[str, Any]:
    """Send the request of a step and return its answer: the ``result``, or the ``error`` of JSON-RPC.

    Raises:
        TargetError: The answer is neither.
    """
    try:
        return {"result": send_step(client, step)}
    except RequestRefused as error:
        if not isinstance(error.code, int):
            raise
        # The client keeps the code of an error; its message is part of our own.
        return {"error": {"code": error.code, "message": error.message}}
