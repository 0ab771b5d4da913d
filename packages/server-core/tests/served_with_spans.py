"""A server whose program records spans itself and writes their names to stderr.

Run as a script with the server's usual options. `SPANS_SERVED_BY=fastmcp` serves the app with FastMCP alone;
`SPANS_FROM=lifespan` sets the recording up when the app starts, instead of before.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from fastmcp import FastMCP
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from pydantic_settings import SettingsConfigDict

from server_core import Port, ServerSettings, main


class Settings(ServerSettings):
    """Serve a tool whose spans the program records."""

    model_config = SettingsConfigDict(env_prefix="SPANS_", cli_prog_name="spans")

    port: Port = 0


class WrittenSpans(SpanExporter):
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        for span in spans:
            sys.stderr.write(f"span: {span.kind.name} {span.name}\n")
        return SpanExportResult.SUCCESS


def record_spans() -> None:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(WrittenSpans()))
    trace.set_tracer_provider(provider)


@asynccontextmanager
async def lifespan(_server: Any) -> AsyncIterator[None]:
    if os.environ.get("SPANS_FROM") == "lifespan":
        record_spans()
    yield


def create_server(_settings: Settings) -> FastMCP[Any]:
    mcp: FastMCP[Any] = FastMCP("spans", version="1", lifespan=lifespan)

    @mcp.tool
    async def echo(text: str) -> str:
        return text

    return mcp


def serve_with_fastmcp(ready_file: Path) -> None:
    mcp = create_server(Settings())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
        ready_file.write_text(json.dumps({"url": url}))
        sys.stderr.write(f"is ready at {url}\n")
        app = mcp.http_app(json_response=True, host_origin_protection=False)
        config = uvicorn.Config(app, log_level="warning", ws="none")
        asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))


if __name__ == "__main__":
    if os.environ.get("SPANS_FROM") != "lifespan":
        record_spans()
    if os.environ.get("SPANS_SERVED_BY") == "fastmcp":
        serve_with_fastmcp(Path(sys.argv[sys.argv.index("--ready-file") + 1]))
        sys.exit(0)
    sys.exit(main(create_server, Settings))
