"""Replies to requests that a server sends to its client: what a user would answer, or a refusal.

Source: the MCP specification, revision 2025-11-25, client features (elicitation, sampling, roots).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from perf_core.server.bridge.messages import METHOD_NOT_FOUND

USER_REJECTED = -1
"""Code of a refused sampling request; source: MCP specification, "Sampling", error handling."""


@dataclass(frozen=True)
class Answers:
    """Answers of a user to a server's requests.

    Attributes:
        elicitation: Content of the form that the server asks to have filled in; None declines.
        sampling: Text that the user's model would write; None refuses.

    Example::

        Answers(elicitation={"city": "Paris"}, sampling="Yes.")
    """

    elicitation: Mapping[str, Any] | None = None
    sampling: str | None = None

    @property
    def capabilities(self) -> dict[str, Any]:
        """Capabilities that a client with these answers declares; none without answers.

        Servers send no request that the client has not declared, and their tools report an error instead.
        """
        return {
            **({"elicitation": {}} if self.elicitation is not None else {}),
            **({"sampling": {}} if self.sampling is not None else {}),
        }


DECLINE = Answers()
"""Answers of a user who declines everything."""


def reply_to(request: Mapping[str, Any], answers: Answers = DECLINE) -> dict[str, Any]:
    """Return the JSON-RPC message that answers a request of a server."""
    head = {"jsonrpc": "2.0", "id": request.get("id")}
    result = result_for(str(request.get("method")), request.get("params"), answers)
    if result is not None:
        return {**head, "result": result}
    if request.get("method") == "sampling/createMessage":
        refusal = {"code": USER_REJECTED, "message": "perf-core has no model to sample from"}
        return {**head, "error": refusal}
    message = f"perf-core does not know {request.get('method')}"
    return {**head, "error": {"code": METHOD_NOT_FOUND, "message": message}}


def result_for(method: str, params: Any, answers: Answers) -> dict[str, Any] | None:
    """Return the result of a request, or None if it is refused."""
    match method:
        case "ping":
            return {}
        case "roots/list":
            return {"roots": []}
        case "elicitation/create":
            # A page to visit cannot be answered from a file.
            is_form = not isinstance(params, Mapping) or params.get("mode", "form") == "form"
            if answers.elicitation is None or not is_form:
                return {"action": "decline"}
            return {"action": "accept", "content": dict(answers.elicitation)}
        case "sampling/createMessage" if answers.sampling is not None:
            content = {"type": "text", "text": answers.sampling}
            return {"role": "assistant", "content": content, "model": "perf-core", "stopReason": "endTurn"}
        case _:
            return None


def answers_to_json(answers: Answers) -> str:
    """Return answers as text, for the environment of a child."""
    return json.dumps({"elicitation": answers.elicitation, "sampling": answers.sampling})


def answers_from_json(text: str) -> Answers:
    """Return the answers in a text; those of a user who declines everything for an empty one."""
    return Answers(**json.loads(text)) if text else DECLINE
