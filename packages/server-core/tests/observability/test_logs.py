from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import pytest
from opentelemetry import trace

from server_core.observability.logs import OneLineFormatter, add_trace_ids, configure_logging


@pytest.fixture
def _restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    names = ["", "fastmcp", "mcp", "uvicorn"]
    before = {name: (logging.getLogger(name).level, logging.getLogger(name).handlers[:]) for name in names}
    propagate = logging.getLogger("fastmcp").propagate
    yield
    for name, (level, handlers) in before.items():
        logger = logging.getLogger(name) if name else root
        logger.setLevel(level)
        logger.handlers[:] = handlers
    logging.getLogger("fastmcp").propagate = propagate


@pytest.mark.usefixtures("_restored_logging")
def test_lines_go_to_stderr_one_each_with_trace_ids(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")
    span = trace.NonRecordingSpan(
        trace.SpanContext(trace_id=0xABC, span_id=0xDEF, is_remote=True, trace_flags=trace.TraceFlags(1))
    )
    logging.getLogger("server_core.test").info("before\nafter")
    with trace.use_span(span):
        try:
            raise ValueError("first\nsecond")
        except ValueError:
            logging.getLogger("fastmcp.somewhere").exception("failed")
    captured = capsys.readouterr()
    assert captured.out == ""
    plain, traced = captured.err.splitlines()
    assert "trace_id=- span_id=-" in plain
    assert plain.endswith(r"before\nafter")
    assert re.search(r"trace_id=0{29}abc span_id=0{13}def failed", traced)
    assert "ValueError" in traced


@pytest.mark.usefixtures("_restored_logging")
def test_libraries_are_quiet_unless_debugging(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info")
    logging.getLogger("mcp.server.streamable_http").info("Created new transport with session ID: secret")
    logging.getLogger("fastmcp.server").warning("Invalid arguments")
    assert capsys.readouterr().err == ""
    configure_logging("debug")
    logging.getLogger("mcp.server.streamable_http").info("Created")
    logging.getLogger("fastmcp.server").warning("Invalid arguments")
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_carriage_returns_are_escaped_too() -> None:
    record = logging.LogRecord("x", logging.INFO, "x", 1, "a\r\nb", None, None)
    assert add_trace_ids(record)
    assert OneLineFormatter("%(message)s").format(record) == r"a\r\nb"
