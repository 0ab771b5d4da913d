"""Log lines: stderr, one line each, with the trace they belong to."""

from __future__ import annotations

import logging
import sys

from opentelemetry import trace

_FORMAT = "%(asctime)s %(levelname)s %(name)s trace_id=%(trace_id)s span_id=%(span_id)s %(message)s"
_CHATTY_BELOW_WARNING = ("mcp", "sse_starlette", "httpx", "urllib3", "opentelemetry", "asyncio", "uvicorn")


def configure_logging(level: str) -> None:
    """Send every log line of the process to stderr at `level` and above.

    Libraries that tell of each session or step at `info` speak from `warning` on, unless `level` is `debug`.
    FastMCP warns of each call with wrong arguments: those are the client's, are counted in the metrics, and
    must not let a client fill the log, so FastMCP speaks from `error` on.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLineFormatter(_FORMAT))
    handler.addFilter(add_trace_ids)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    fastmcp_logger = logging.getLogger("fastmcp")
    fastmcp_logger.handlers.clear()  # its own wraps lines to the terminal's width
    fastmcp_logger.propagate = True
    debug = level == "debug"
    fastmcp_logger.setLevel(logging.DEBUG if debug else logging.ERROR)
    for name in _CHATTY_BELOW_WARNING:
        logging.getLogger(name).setLevel(logging.NOTSET if debug else max(logging.WARNING, root.level))


def add_trace_ids(record: logging.LogRecord) -> bool:
    """Put the ids of the current span on a record, `-` when there is none."""
    span = trace.get_current_span().get_span_context()
    record.trace_id = trace.format_trace_id(span.trace_id) if span.is_valid else "-"
    record.span_id = trace.format_span_id(span.span_id) if span.is_valid else "-"
    return True


class OneLineFormatter(logging.Formatter):
    """Writes a record, its traceback included, as one line: a client cannot make up lines of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """The record with line breaks written as escapes."""
        return super().format(record).replace("\r", "\\r").replace("\n", "\\n")
