"""Logging to stderr: one line per record, with its trace id."""

from __future__ import annotations

import logging
import sys

from opentelemetry import trace

_FORMAT = "%(asctime)s %(levelname)s %(name)s trace_id=%(trace_id)s span_id=%(span_id)s %(message)s"
_VERBOSE_LIBRARIES = ("mcp", "sse_starlette", "httpx", "urllib3", "opentelemetry", "asyncio", "uvicorn")


def configure_logging(level: str) -> None:
    """Send every log line of the process to stderr at `level` and above.

    Libraries that log each session or step at `info` are logged from `warning` on, unless `level` is `debug`.
    FastMCP is logged from `error` on: it warns about each call with wrong arguments, which the metrics count
    anyway, and a client could fill the log with them.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLineFormatter(_FORMAT))
    handler.addFilter(add_trace_ids)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    fastmcp_logger = logging.getLogger("fastmcp")
    fastmcp_logger.handlers.clear()  # FastMCP's handler wraps lines to the terminal's width
    fastmcp_logger.propagate = True
    debug = level == "debug"
    fastmcp_logger.setLevel(logging.DEBUG if debug else logging.ERROR)
    for name in _VERBOSE_LIBRARIES:
        logging.getLogger(name).setLevel(logging.NOTSET if debug else max(logging.WARNING, root.level))


def add_trace_ids(record: logging.LogRecord) -> bool:
    """Set the ids of the current span on a record, `-` if there is none."""
    span = trace.get_current_span().get_span_context()
    record.trace_id = trace.format_trace_id(span.trace_id) if span.is_valid else "-"
    record.span_id = trace.format_span_id(span.span_id) if span.is_valid else "-"
    return True


class OneLineFormatter(logging.Formatter):
    """Formats a record, including its traceback, as one line, so that a client cannot forge log lines."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record with line breaks escaped."""
        return super().format(record).replace("\r", "\\r").replace("\n", "\\n")
