"""Calls on the lane have the trace context of their caller; recorded spans are made by FastMCP."""

from __future__ import annotations

import fastmcp
import pytest
from client_messages import ARGUMENTS, TRACEPARENT, stateless
from client_samples import app
from in_memory import initialize, request, session_call
from lane_apps import app_with, both, same, text_of
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from server_core import PlainTool

pytestmark = pytest.mark.anyio


def _current_trace_id() -> str:
    return trace.format_trace_id(trace.get_current_span().get_span_context().trace_id)


async def test_a_call_on_the_lane_has_the_trace_context_of_its_caller() -> None:
    async def echo(text: str) -> str:
        return _current_trace_id()

    async with both(lambda: app_with(PlainTool.from_function(echo))) as pair:
        traces = []
        for meta in ({"traceparent": TRACEPARENT}, {}, {"traceparent": "nonsense"}):
            answer = await same(pair, stateless(meta))
            traces.append(text_of(answer))
        assert pair[0].lane_calls() == 3
    assert traces == [TRACEPARENT.split("-")[1], "0" * 32, "0" * 32]


async def test_requests_whose_spans_are_recorded_are_fastmcps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fastmcp.settings, "telemetry_mode", "native")
    spans = []
    async with both(app) as pair:
        await same(pair, initialize())
        await same(pair, stateless({}))
        before = pair[0].lane_calls()
        for served in pair:
            exporter = InMemorySpanExporter()
            provider = TracerProvider(shutdown_on_exit=False)
            provider.add_span_processor(SimpleSpanProcessor(exporter))
            with monkeypatch.context() as traced:
                traced.setattr(trace, "_TRACER_PROVIDER", provider)
                await served.send(stateless({"traceparent": TRACEPARENT}))
                await served.send(session_call("echo", ARGUMENTS))
                await served.send(request("ping"))
            recorded = exporter.get_finished_spans()
            spans.append([(each.name, each.parent and each.parent.trace_id) for each in recorded])
        assert pair[0].lane_calls() == before
        await same(pair, stateless({}))
        assert pair[0].lane_calls() == before + 1
    assert [one for one in spans[0] if one[0] not in HANDSHAKE] == spans[1]
    assert int(TRACEPARENT.split("-")[1], 16) in {parent for _, parent in spans[1]}


HANDSHAKE = ("initialize", "notifications/initialized")
"""A light session becomes an SDK session by a second handshake."""
