"""Slow calls behind a real nginx that gives up on connections without data, beside FastMCP alone."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastmcp import FastMCP
from listening import listening
from mcp.server import _streamable_http_modern
from pydantic_settings import SettingsConfigDict
from sse_starlette import EventSourceResponse

from server_core import PlainTool, ServerSettings, create_app

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

pytestmark = [
    pytest.mark.long,
    pytest.mark.anyio,
    pytest.mark.skipif(NGINX is None, reason="nginx is not installed; CI installs it"),
    pytest.mark.skipif(sys.platform == "win32", reason="nginx inherits its socket"),
]

PATIENCE_S = 1.5
"""nginx's `proxy_read_timeout`; 20 s in the report, in which pings came every 15 s."""
PING_S = 0.5
WAYS = ("FastMCP", "server-core")
HEADERS = {"accept": "application/json, text/event-stream"}


class QuietSettings(ServerSettings):
    model_config = SettingsConfigDict(env_prefix="NOBODY_SETS_THIS_", env_file=None)


@pytest.fixture(autouse=True)
def _short_pings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_streamable_http_modern, "_SSE_PING_INTERVAL", PING_S)
    monkeypatch.setattr(EventSourceResponse, "DEFAULT_PING_INTERVAL", PING_S)


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Returns a function that starts nginx in front of a URL and returns nginx's."""
    started: list[tuple[subprocess.Popen[bytes], socket.socket]] = []

    def start(upstream: str) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        folders = "".join(
            f"{kind}_temp_path {tmp_path};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        config = tmp_path / f"nginx-{port}.conf"
        config.write_text(
            f"""
            daemon off; pid {tmp_path}/nginx-{port}.pid; error_log {tmp_path}/error.log;
            events {{ }}
            http {{
                access_log off; {folders}
                server {{
                    listen 127.0.0.1:{port};
                    location / {{
                        proxy_pass {upstream};
                        proxy_http_version 1.1;
                        proxy_read_timeout {int(PATIENCE_S * 1000)}ms;
                    }}
                }}
            }}
            """
        )
        # nginx inherits the listening socket, so that no other process can take the port first.
        process = subprocess.Popen(
            [str(NGINX), "-c", str(config), "-e", str(tmp_path / "error.log")],
            pass_fds=(listener.fileno(),),
            env={**os.environ, "NGINX": f"{listener.fileno()};"},
        )
        started.append((process, listener))
        return f"http://127.0.0.1:{port}"

    yield start
    for process, listener in started:
        process.terminate()
        process.wait(60)
        listener.close()


def slow_app() -> FastMCP[Any]:
    """Return an app with a tool that takes longer than nginx waits."""
    mcp: FastMCP[Any] = FastMCP("slow")

    async def slow() -> str:
        due = asyncio.Event()
        asyncio.get_running_loop().call_later(1.5 * PATIENCE_S, due.set)
        await due.wait()
        return "done"

    mcp.add_tool(PlainTool.from_function(slow))
    return mcp


def asgi_app(way: str, *, json_response: bool) -> Any:
    mcp = slow_app()
    if way == "FastMCP":
        return mcp.http_app(path="/mcp", json_response=json_response, host_origin_protection=False)
    return create_app(mcp, QuietSettings(json_response=json_response))


def client_of(url: str) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(base_url=url, timeout=30)


async def call(http: httpx2.AsyncClient, wire: str) -> httpx2.Response:
    """Call the tool on a wire."""
    params: dict[str, Any] = {"name": "slow", "arguments": {}}
    if wire == "stateless":
        prefix = "io.modelcontextprotocol/"
        params["_meta"] = {f"{prefix}protocolVersion": "2026-07-28", f"{prefix}clientCapabilities": {}}
        headers = {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "slow"}
    else:
        info = {"name": "t", "version": "1"}
        client = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": info}
        body = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": client}
        opened = await http.post("/mcp", json=body, headers=HEADERS)
        headers = {"mcp-protocol-version": "2025-11-25", "mcp-session-id": opened.headers["mcp-session-id"]}
        initialized = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        await http.post("/mcp", json=initialized, headers={**HEADERS, **headers})
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    return await http.post("/mcp", json=body, headers={**HEADERS, **headers})


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("wire", ["stateless", "session"])
async def test_a_slow_call_survives_an_impatient_proxy(
    proxy: Callable[[str], str], way: str, wire: str
) -> None:
    app = asgi_app(way, json_response=False)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with listening(app, listener) as url, client_of(proxy(url)) as http:
            answer = await call(http, wire)
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert ": ping" in answer.text
            data = next(line[6:] for line in answer.text.splitlines() if line.startswith("data: {"))
            assert json.loads(data)["result"]["content"] == [{"type": "text", "text": "done"}]
    if way == "server-core":
        assert app._lane.answered == 1


@pytest.mark.parametrize("way", WAYS)
async def test_an_answer_in_json_comes_too_late(proxy: Callable[[str], str], way: str) -> None:
    app = asgi_app(way, json_response=True)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with listening(app, listener) as url, client_of(proxy(url)) as http:
            assert (await call(http, "stateless")).status_code == 504
