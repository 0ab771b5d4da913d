"""Examples of failed calls in the record."""

from __future__ import annotations

from dataclasses import replace

import pytest

from perf_core.analysis.failures import examples
from perf_core.load.k6_events import FailedCall

CALL = FailedCall(
    tool="add",
    error_class="wrong_answer",
    stage="hold_10",
    at_s=1.23456,
    duration_s=0.02,
    arguments='{"a":1}',
    kind="result",
    expected='{"result":1}',
    status=200,
    body='{"jsonrpc":"2.0"}',
    error="",
)


@pytest.mark.parametrize(
    ("change", "expected", "received"),
    [
        ({}, '{"result":1}', '{"jsonrpc":"2.0"}'),
        ({"body": ""}, '{"result":1}', "an empty body"),
        ({"kind": "members"}, 'among others {"result":1}', '{"jsonrpc":"2.0"}'),
        ({"kind": "error"}, "a result with isError true", '{"jsonrpc":"2.0"}'),
        ({"kind": "any"}, "a result without isError", '{"jsonrpc":"2.0"}'),
        ({"kind": "contains", "expected": '"x"'}, 'a text that contains "x"', '{"jsonrpc":"2.0"}'),
        ({"kind": "regex", "expected": '"^x"'}, 'a text that matches "^x"', '{"jsonrpc":"2.0"}'),
        ({"kind": "rpc_error", "expected": "-1"}, "a JSON-RPC error -1", '{"jsonrpc":"2.0"}'),
        ({"kind": "rpc_error", "expected": ""}, "a JSON-RPC error", '{"jsonrpc":"2.0"}'),
        (
            {"kind": "save", "expected": '{"id":"/a"}'},
            'values for later calls at these places: {"id":"/a"}',
            '{"jsonrpc":"2.0"}',
        ),
        ({"status": 500, "body": "boom"}, '{"result":1}', "HTTP 500: boom"),
        (
            {"status": 0, "body": "", "error": "dial: refused", "error_class": "transport"},
            '{"result":1}',
            "the connection failed after 0.02 s: dial: refused",
        ),
    ],
)
def test_example_says_what_was_expected_and_received(
    change: dict[str, object], expected: str, received: str
) -> None:
    (example,) = examples([replace(CALL, **change)], ())
    assert (example.expected, example.received) == (expected, received)
    assert (example.tool, example.stage, example.at_s) == ("add", "hold_10", 1.235)


@pytest.mark.parametrize(
    ("body", "received"),
    [
        (
            '{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"the process ended with exit code 3"}}',
            "the connection failed after 0.02 s: the process ended with exit code 3",
        ),
        ('{"jsonrpc":"2.0","id":1,"err', 'the connection failed after 0.02 s: {"jsonrpc":"2.0","id":1,"err'),
        ("[]", "the connection failed after 0.02 s: []"),
    ],
    ids=["whole", "shortened", "other"],
)
def test_status_of_the_bridge_is_none_of_the_server(body: str, received: str) -> None:
    crashed = replace(CALL, error_class="http_status", status=500, body=body)
    (example,) = examples([crashed], (), without_http=True)
    assert (example.error_class, example.received) == ("transport", received)
    (wrong,) = examples([CALL], (), without_http=True)
    assert wrong.error_class == "wrong_answer"


def test_request_of_the_server_that_hung_a_call_is_named() -> None:
    hung = replace(CALL, error_class="timeout", status=0, body="", error="request timeout", duration_s=30.0)
    (example,) = examples([hung], (), {"add": "elicitation/create"})
    assert example.received.startswith("no answer within 30 s; during such a call the server")
    assert "elicitation/create" in example.received


def test_secrets_are_masked() -> None:
    secret = "s3cret"
    call = replace(CALL, arguments=f'"{secret}"', expected=secret, body=f"Bearer {secret}{secret}")
    (example,) = examples([call], ("", secret))
    assert (example.arguments, example.expected, example.received) == ('"***"', "***", "Bearer ******")
