"""Examples of failed calls for the record; pure functions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from perf_core.analysis.k6_summary import WAITING_CLASSES
from perf_core.load.k6_events import FailedCall
from perf_core.results.record import Failure
from perf_core.server.credentials.masking import masked

_EXPECTED = {"error": "a result with isError true", "any": "a result without isError"}

_PREFIXES = {
    "members": "among others",
    "contains": "a text that contains",
    "regex": "a text that matches",
    "json": "a text of JSON with, among others,",
    "paths": "at these places",
    "shape": "these types",
    "rpc_error": "a JSON-RPC error",
    "save": "values for later calls at these places:",
}
"""Words before the expected value, by the kind of expectation; the others show it alone."""


def examples(
    failures: Iterable[FailedCall],
    secrets: Sequence[str],
    requests: Mapping[str, str] | None = None,
    *,
    without_http: bool = False,
) -> tuple[Failure, ...]:
    """Return the examples, with every secret masked.

    Args:
        secrets: Texts that must not stand in a record, such as bearer tokens.
        requests: Requests that the server sent during a call of a tool, by tool; k6 answers none.
        without_http: Whether the server speaks no HTTP, and every status is that of the lab's bridge.
    """
    return tuple(
        Failure(
            tool=failure.tool,
            error_class=failure.error_class,
            stage=failure.stage,
            at_s=round(failure.at_s, 3),
            arguments=masked(failure.arguments, secrets),
            expected=masked(_expected(failure), secrets),
            received=masked(_received(failure, (requests or {}).get(failure.tool, "")), secrets),
        )
        for failure in (_of_process(each) if without_http else each for each in failures)
    )


def _of_process(failure: FailedCall) -> FailedCall:
    """Return a failed call with what the bridge says of the server's process instead of its HTTP status."""
    if failure.error_class != "http_status":
        return failure
    return replace(failure, error_class="transport", status=0, error=_bridge_message(failure.body))


def _bridge_message(body: str) -> str:
    try:
        message = json.loads(body)["error"]["message"]
    except (ValueError, KeyError, TypeError):
        return body  # k6 has shortened it
    return str(message)


def _expected(failure: FailedCall) -> str:
    prefix = _PREFIXES.get(failure.kind)
    return (
        f"{prefix} {failure.expected}".rstrip() if prefix else _EXPECTED.get(failure.kind, failure.expected)
    )


def _received(failure: FailedCall, request: str) -> str:
    if failure.status == 0 and failure.error_class not in WAITING_CLASSES:
        return f"the connection failed after {failure.duration_s:.3g} s: {failure.error or 'no reason given'}"
    if failure.status == 0:
        reason = f"; during such a call the server sent {request}, which a load generator does not answer"
        return f"no answer within {failure.duration_s:.3g} s" + (reason if request else "")
    body = failure.body or "an empty body"
    return body if failure.status == 200 else f"HTTP {failure.status}: {body}"
