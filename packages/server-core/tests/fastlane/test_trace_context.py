"""The context that a call on the lane sees is the one that FastMCP would make of the same `_meta`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import fastmcp
import pytest
from fastmcp.telemetry import extract_trace_context
from opentelemetry import baggage, context, propagate, trace
from opentelemetry.context import Context

from server_core.fastlane import trace_context
from server_core.fastlane.trace_context import attach_caller_trace

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{SPAN}-01"

METAS: list[dict[str, Any]] = [
    {"traceparent": TRACEPARENT},
    {"traceparent": TRACEPARENT, "tracestate": "vendor=value"},
    {"traceparent": TRACEPARENT, "baggage": "user=ann"},
    {"traceparent": f"00-{'0' * 32}-{SPAN}-01"},
    {"traceparent": "nonsense"},
    {"traceparent": 7, "tracestate": [1]},
    {"tracestate": "vendor=value"},
]


@pytest.fixture(params=["native", "propagation_only", "off"])
def mode(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(fastmcp.settings, "telemetry_mode", request.param)
    return str(request.param)


@pytest.fixture
def attached() -> Iterator[Callable[[dict[str, Any] | None], Context]]:
    """Attaches the trace context of a `_meta` until the end of the test, and returns the current context."""
    tokens = []

    def attach(meta: dict[str, Any] | None) -> Context:
        token = attach_caller_trace(meta)
        if token is not None:
            tokens.append(token)
        return context.get_current()

    yield attach
    for token in reversed(tokens):
        context.detach(token)


def injected() -> dict[str, str]:
    """Return the headers that a request to another service would carry."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier


@pytest.mark.parametrize("meta", METAS, ids=str)
def test_every_way_to_read_it_gives_what_fastmcp_gives(
    mode: str, meta: dict[str, Any], attached: Callable[[dict[str, Any]], Context]
) -> None:
    expected = extract_trace_context(meta)
    token = context.attach(expected)
    span, headers = trace.get_current_span().get_span_context(), injected()
    context.detach(token)
    assert span.is_valid == (mode != "off" and meta.get("traceparent") == TRACEPARENT)

    current = attached(meta)
    assert trace.get_current_span().get_span_context() == span
    assert injected() == headers
    assert list(current) == list(expected)
    assert len(current) == len(expected)
    assert current.keys() == expected.keys()
    assert set(map(type, current.values())) == set(map(type, expected.values()))
    for key, value in current.items():
        assert key in current
        assert value is current.get(key) is value
        assert type(value) is type(expected[key])
    assert current.get("no such key", "default") == "default"
    assert current == dict(current) == current.copy()
    assert repr(current) == repr(dict(current))


def test_values_can_be_added_to_it(attached: Callable[[dict[str, Any]], Context]) -> None:
    attached({"traceparent": TRACEPARENT})
    token = context.attach(baggage.set_baggage("user", "ann"))
    assert trace.format_trace_id(trace.get_current_span().get_span_context().trace_id) == TRACE
    assert baggage.get_baggage("user") == "ann"
    context.detach(token)
    assert baggage.get_baggage("user") is None


def test_what_was_current_before_stays_readable(attached: Callable[[dict[str, Any]], Context]) -> None:
    outer = trace.NonRecordingSpan(trace.SpanContext(1, 2, is_remote=False))
    token = context.attach(baggage.set_baggage("user", "ann", trace.set_span_in_context(outer)))
    try:
        inner = attach_caller_trace({"traceparent": TRACEPARENT})
        assert inner is not None
        # As in FastMCP, a span that is current already is not replaced.
        assert trace.get_current_span() is outer
        assert baggage.get_baggage("user") == "ann"
        context.detach(inner)
    finally:
        context.detach(token)


def test_nothing_is_extracted_until_it_is_read(
    monkeypatch: pytest.MonkeyPatch, attached: Callable[[dict[str, Any]], Context]
) -> None:
    extracted = []

    def counted(meta: dict[str, Any]) -> Context:
        extracted.append(meta)
        return extract_trace_context(meta)

    monkeypatch.setattr(trace_context, "extract_trace_context", counted)
    attached({"traceparent": TRACEPARENT})
    assert extracted == []
    for _ in range(3):
        trace.get_current_span()
    assert len(extracted) == 1


@pytest.mark.parametrize("meta", [None, {}, {"progressToken": 1}])
def test_without_a_trace_context_nothing_is_attached(meta: dict[str, Any] | None) -> None:
    before = context.get_current()
    assert attach_caller_trace(meta) is None
    assert context.get_current() is before
