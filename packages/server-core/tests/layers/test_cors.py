"""Calls of web pages, by hand and in a real browser."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

pytestmark = pytest.mark.anyio

MakeApp = Callable[..., Any]
Serving = Callable[..., Any]

PAGE = "https://app.example"
TOKEN = "t" * 20
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def question(origin: str, method: str = "POST", **more: str) -> dict[str, str]:
    asked = "authorization,content-type,mcp-protocol-version,mcp-param-x"
    return {
        "origin": origin,
        "access-control-request-method": method,
        "access-control-request-headers": asked,
        **more,
    }


async def test_admitted_pages_may_call_and_read(make_app: MakeApp, serving: Serving) -> None:
    async with serving(make_app(allowed_origins=[PAGE], auth_tokens=[TOKEN])) as wires:
        for method in ("POST", "GET", "DELETE"):
            answer = await wires.http.options("/mcp", headers=question(PAGE, method))
            assert answer.status_code == 204
            assert answer.headers["access-control-allow-origin"] == PAGE
            assert method in answer.headers["access-control-allow-methods"]
            assert "mcp-param-x" in answer.headers["access-control-allow-headers"]
            assert "access-control-allow-private-network" not in answer.headers
        private = question(PAGE, **{"access-control-request-private-network": "true"})
        answer = await wires.http.options("/mcp", headers=private)
        assert answer.headers["access-control-allow-private-network"] == "true"

        wires.http.headers["origin"] = PAGE
        refused = await wires.initialize()
        wires.http.headers["authorization"] = f"Bearer {TOKEN}"
        opened = await wires.initialize()
        missing = await wires.http.get("/.well-known/oauth-protected-resource")
        calls = [await wires.call("echo", {"text": "x"}) for _ in range(3)]
        for answer, status in (
            (refused, 401),
            (opened, 200),
            (missing, 404),
            *((call, 200) for call in calls),
        ):
            assert answer.status_code == status
            assert answer.headers["access-control-allow-origin"] == PAGE
            assert {"Mcp-Session-Id", "WWW-Authenticate"} <= set(
                answer.headers["access-control-expose-headers"].split(", ")
            )
            assert answer.headers["vary"] == "Origin"
            assert "access-control-allow-credentials" not in answer.headers


async def test_other_pages_may_not(make_app: MakeApp, serving: Serving) -> None:
    async with serving(make_app(allowed_origins=[PAGE])) as wires:
        for origin in ("https://evil.example", "null", f"{PAGE}.evil.example"):
            answers = [
                await wires.http.options("/mcp", headers=question(origin)),
                await wires.http.get("/health", headers={"origin": origin}),
            ]
            for answer in answers:
                assert answer.status_code == 403
                assert not any(name.startswith("access-control") for name in answer.headers)
        without = await wires.http.get("/health")
        assert not any(name.startswith("access-control") for name in without.headers)
        plain_options = await wires.http.options("/mcp", headers={"origin": PAGE})
        assert plain_options.status_code == 405


async def test_headers_of_a_routes_own_are_kept(make_app: MakeApp, serving: Serving) -> None:
    async def page(_request: Request) -> PlainTextResponse:
        return PlainTextResponse("x", headers={"Access-Control-Allow-Origin": "*"})

    async with serving(make_app(allowed_origins=[PAGE], routes=[Route("/page", page)])) as wires:
        answer = await wires.http.get("/page", headers={"origin": PAGE})
        assert answer.headers.get_list("access-control-allow-origin") == ["*"]


@pytest.mark.parametrize("method", ["HEAD", "PUT", "PATCH"])
async def test_pages_may_use_any_method_of_a_route(make_app: MakeApp, serving: Serving, method: str) -> None:
    async def page(request: Request) -> PlainTextResponse:
        return PlainTextResponse(request.method)

    routes = [Route("/page", page, methods=[method])]
    async with serving(make_app(allowed_origins=[PAGE], routes=routes)) as wires:
        asked = await wires.http.options("/page", headers=question(PAGE, method))
        assert method in asked.headers["access-control-allow-methods"].split(", ")
        answer = await wires.http.request(method, "/page", headers={"origin": PAGE})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, PAGE)


SCRIPT = """
const answers = [];
async function call(body, more = {}) {
  const both = { "Content-Type": "application/json", Accept: "application/json, text/event-stream" };
  const headers = { ...both, ...more };
  const answer = await fetch(URL_OF_SERVER, { method: "POST", headers, body: JSON.stringify(body) });
  return { status: answer.status, session: answer.headers.get("Mcp-Session-Id"),
           challenge: answer.headers.get("WWW-Authenticate"), text: await answer.text() };
}
async function run() {
  const token = { Authorization: "Bearer TOKEN_OF_SERVER" };
  const clientInfo = { name: "page", version: "1" };
  const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
  const initialize = { jsonrpc: "2.0", id: 1, method: "initialize", params };
  answers.push(await call(initialize));
  const opened = await call(initialize, token);
  answers.push(opened);
  const inSession = { ...token, "Mcp-Session-Id": opened.session, "Mcp-Protocol-Version": "2025-11-25" };
  const tool = { name: "process_id", arguments: {} };
  for (let id = 2; id < 5; id += 1)
    answers.push(await call({ jsonrpc: "2.0", id, method: "tools/call", params: tool }, inSession));
  const gone = await fetch(URL_OF_SERVER, { method: "DELETE", headers: inSession });
  answers.push({ status: gone.status });
}
run().catch((error) => answers.push({ error: String(error) })).finally(() => {
  const text = JSON.stringify(answers);
  navigator.sendBeacon("/done", text);
  document.body.textContent = text;
});
"""


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Callable[[str], tuple[str, Callable[[], list[dict[str, Any]]]]]]:
    """Returns a function that serves a page calling a server; gives its URL, and opens it in a browser."""
    folder = tmp_path / "page"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None: ...

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(204)
            self.end_headers()

    web = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=web.serve_forever)
    thread.start()

    def make(server: str) -> tuple[str, Callable[[], list[dict[str, Any]]]]:
        script = SCRIPT.replace("URL_OF_SERVER", json.dumps(server)).replace("TOKEN_OF_SERVER", TOKEN)
        (folder / "page.html").write_text(f"<!doctype html><body></body><script>{script}</script>")

        def visit() -> list[dict[str, Any]]:
            done = subprocess.run(
                [
                    str(CHROMIUM),
                    "--headless",
                    "--no-sandbox",
                    "--disable-gpu",
                    "--no-first-run",
                    "--disable-background-networking",
                    "--disable-component-update",
                    "--host-resolver-rules=MAP page.example 127.0.0.1",
                    "--virtual-time-budget=20000",
                    f"--user-data-dir={tmp_path / 'profile'}",
                    "--dump-dom",
                    f"http://page.example:{web.server_address[1]}/page.html",
                ],
                capture_output=True,
                text=True,
                timeout=100,
                check=True,
            )
            (text,) = re.findall(r"<body>(.*?)</body>", done.stdout, re.DOTALL)
            return list(json.loads(re.sub(r"<script.*", "", text, flags=re.DOTALL).replace("&amp;", "&")))

        return f"http://page.example:{web.server_address[1]}", visit

    yield make
    web.shutdown()
    web.server_close()
    thread.join()


@pytest.mark.process
@pytest.mark.long
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine; .ci/run installs one")
@pytest.mark.skipif(sys.platform == "win32", reason="the browser's options are for Linux and macOS")
@pytest.mark.parametrize("is_admitted", [True, False], ids=["admitted", "not admitted"])
async def test_a_page_in_a_real_browser(
    start_server: Any, page: Callable[..., Any], tmp_path: Path, is_admitted: bool
) -> None:
    origin, _ = page("http://127.0.0.1:9/")
    options = ("--allowed-origins", origin) if is_admitted else ()
    server = start_server("--auth-tokens", TOKEN, *options)
    _, visit = page(server.url)
    answers = await asyncio.to_thread(visit)
    if not is_admitted:
        assert "error" in answers[0], "the browser lets the page see nothing"
        return
    refused, opened, *calls, gone = answers
    assert (refused["status"], refused["challenge"]) == (401, 'Bearer realm="mcp"')
    assert (opened["status"], gone["status"]) == (200, 200)
    assert opened["session"]
    assert [call["status"] for call in calls] == [200] * 3
    assert all(json.loads(call["text"])["result"]["structuredContent"]["result"] for call in calls)
