"""Exports to a collector in this process from a server in another: OpenTelemetry's providers are global."""

from __future__ import annotations

import queue
import re
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from fastmcp import FastMCP
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from server_core import ServerMetrics, TelemetryError
from server_core.observability.telemetry import exporting, finish_within

pytestmark = pytest.mark.anyio


class Collector:
    """An OTLP collector on loopback, with the bodies it has received by path."""

    def __init__(self) -> None:
        self.bodies: dict[str, queue.Queue[bytes]] = {
            "/v1/traces": queue.Queue(),
            "/v1/metrics": queue.Queue(),
        }
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                collector.bodies[self.path].put(body)
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *arguments: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


@pytest.mark.process
async def test_traces_and_metrics_reach_a_collector(
    start_server: Callable[..., Any], wires_to: Any, collector: Collector
) -> None:
    server = start_server(environment={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url})
    async with wires_to(server.url) as wires:
        assert (await wires.call("shout", {"text": "hi"})).status_code == 200
    assert server.stop() == 0, server.log

    traces = ExportTraceServiceRequest.FromString(collector.bodies["/v1/traces"].get(timeout=10))
    (resource_spans,) = traces.resource_spans
    resource = {item.key: item.value.string_value for item in resource_spans.resource.attributes}
    assert (resource["service.name"], resource["service.version"]) == ("served", "1.2.3")
    assert "tools/call shout" in {span.name for scope in resource_spans.scope_spans for span in scope.spans}

    metrics = ExportMetricsServiceRequest.FromString(collector.bodies["/v1/metrics"].get(timeout=10))
    names = {
        metric.name
        for resource_metrics in metrics.resource_metrics
        for scope in resource_metrics.scope_metrics
        for metric in scope.metrics
    }
    assert {"mcp.tool.duration", "process.memory.usage", "process.cpu.time"} <= names


@pytest.mark.process
async def test_log_lines_of_a_call_have_the_trace_id_of_its_caller(
    start_server: Callable[..., Any], wires_to: Any
) -> None:
    server = start_server()
    trace_id, span_id = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    params = {"name": "hold", "arguments": {"port": 1}}
    async with wires_to(server.url) as wires:
        session = await wires.open_session()
        await wires.in_session(
            session, "tools/call", {**params, "_meta": {"traceparent": f"00-{trace_id}-{span_id}-01"}}
        )
    line = server.wait_for("Error calling tool")
    assert re.search(f"trace_id={trace_id} span_id={span_id} ", line), line


def test_a_missing_exporter_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        __import__("sys").modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None
    )
    context = exporting(FastMCP("x"), ServerMetrics(), "http://127.0.0.1:1")
    with pytest.raises(TelemetryError, match=r"mcp-server-core\[telemetry\]") as caught, context:
        raise AssertionError("must not be entered")
    assert caught.value.exit_code == 2


def test_a_task_that_does_not_end_is_abandoned() -> None:
    exported, never = threading.Event(), threading.Event()
    assert not finish_within(0.05, exported.set, lambda: never.wait() and None)
    assert exported.wait(30)
    never.set()
    assert finish_within(30, exported.set)


@pytest.mark.process
async def test_a_collector_that_does_not_answer_delays_the_exit_by_seconds_at_most(
    start_server: Callable[..., Any], wires_to: Any
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        server = start_server(environment={"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint})
        async with wires_to(server.url) as wires:
            await wires.call("shout", {"text": "hi"})
        assert server.stop() == 0
    assert any("did not accept the last export within 3 s" in line for line in server.log), server.log
