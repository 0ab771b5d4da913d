"""OpenTelemetry: export over OTLP/HTTP if an endpoint is configured, spans if something records them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import fastmcp
from fastmcp import FastMCP
from opentelemetry import trace

from server_core.errors import TelemetryError
from server_core.observability import process
from server_core.observability.metrics import ServerMetrics
from server_core.sdk.internals import tracer_provider

_logger = logging.getLogger(__name__)

_LAST_EXPORT_S: Final = 3
"""Seconds for the last export when the server stops."""


@contextmanager
def exporting(
    mcp: FastMCP[Any], metrics: ServerMetrics, endpoint: str | None, *, saves_spans: bool = True
) -> Iterator[None]:
    """Export traces and metrics of `mcp` to `endpoint` within the block.

    FastMCP creates the spans. Until something records them, it creates none (if `saves_spans`), but still
    propagates the caller's trace context, so that log lines carry the caller's trace id.

    Args:
        mcp: The app; its name is the service name.
        metrics: Source of the exported durations of calls.
        endpoint: Base URL of a collector, as in `OTEL_EXPORTER_OTLP_ENDPOINT`; None exports nothing.
        saves_spans: Whether spans are created only if something records them, which `notice_recording` has
            to find out at each request.

    Raises:
        TelemetryError: There is an endpoint, but the exporter is not installed.
    """
    shutdown = None if endpoint is None else _start(mcp, metrics, endpoint.rstrip("/"))
    if saves_spans:
        _span_saving.start()
    try:
        yield
    finally:
        _span_saving.stop()
        if shutdown is not None:
            shutdown()


def notice_recording() -> None:
    """Let FastMCP create spans if something records them by now: a program may set that up at any time."""
    if _span_saving.is_on and tracer_provider() is not None:
        _span_saving.stop()


class _SpanSaving:
    """Keeps FastMCP from creating spans, which cost a sixth of a call through it.

    FastMCP's mode is a setting of the process. One that the user has chosen (`FASTMCP_TELEMETRY_MODE`) stays.
    """

    def __init__(self) -> None:
        self.is_on = False

    def start(self) -> None:
        """Save spans if nothing records them."""
        trace.get_tracer_provider()  # sets the one that the environment names
        if tracer_provider() is None and "telemetry_mode" not in fastmcp.settings.model_fields_set:
            fastmcp.settings.telemetry_mode = "propagation_only"
            self.is_on = True

    def stop(self) -> None:
        """Undo `start`."""
        if self.is_on:
            fastmcp.settings.telemetry_mode = "native"
            fastmcp.settings.model_fields_set.discard("telemetry_mode")
            self.is_on = False


_span_saving = _SpanSaving()


def _start(mcp: FastMCP[Any], metrics: ServerMetrics, endpoint: str) -> Callable[[], None]:
    try:
        # Imported here because they cost start-up time, and may be absent.
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.metrics import CallbackOptions, Observation
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise TelemetryError(
            f"expected the package {error.name or 'opentelemetry-sdk'} for the OTLP endpoint {endpoint}, got "
            "none: install mcp-server-core[telemetry], or unset the endpoint"
        ) from error

    resource = Resource.create({"service.name": mcp.name, "service.version": mcp.version or ""})
    spans = BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces"))
    current = trace.get_tracer_provider()
    if isinstance(current, TracerProvider):
        current.add_span_processor(spans)  # the program's own; a process has one only
    else:
        tracing = TracerProvider(resource=resource, shutdown_on_exit=False)
        tracing.add_span_processor(spans)
        trace.set_tracer_provider(tracing)
    metering = MeterProvider(
        resource=resource,
        shutdown_on_exit=False,
        metric_readers=[PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=f"{endpoint}/v1/metrics"))],
    )
    meter = metering.get_meter("server_core")
    durations = meter.create_histogram("mcp.tool.duration", unit="s", description="Time of tool calls.")
    metrics.add_listener(
        lambda tool, duration_s, failed: durations.record(duration_s, {"tool": tool, "failed": failed})
    )

    def resident_memory(_options: CallbackOptions) -> list[Observation]:
        return [Observation(process.rss_bytes())]

    def cpu_time(_options: CallbackOptions) -> list[Observation]:
        return [Observation(process.cpu_s())]

    meter.create_observable_gauge("process.memory.usage", [resident_memory], unit="By")
    meter.create_observable_counter("process.cpu.time", [cpu_time], unit="s")

    def shutdown() -> None:
        if not finish_within(_LAST_EXPORT_S, spans.shutdown, metering.shutdown):
            _logger.warning(
                "%s did not accept the last export within %s s: its data is lost", endpoint, _LAST_EXPORT_S
            )

    return shutdown


def finish_within(timeout_s: float, *tasks: Callable[[], None]) -> bool:
    """Run tasks in parallel and return whether all ended in time; those that did not are abandoned.

    A collector that is gone would otherwise delay the exit by 20 s.
    """
    threads = [threading.Thread(target=task, daemon=True) for task in tasks]
    for thread in threads:
        thread.start()
    deadline_s = time.monotonic() + timeout_s
    for thread in threads:
        thread.join(max(0.0, deadline_s - time.monotonic()))
    return not any(thread.is_alive() for thread in threads)
