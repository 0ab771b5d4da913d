"""Paths that are not the app's are 404 before any other layer, and its own work wherever it is mounted."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx2
import pytest
from fastmcp import FastMCP
from fastmcp.server.auth import RemoteAuthProvider, StaticTokenVerifier
from pydantic import AnyHttpUrl
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

pytestmark = pytest.mark.anyio

MakeApp = Callable[..., Any]
Serving = Callable[..., Any]

NEAR = [
    "/mcp%0a", "/mcp%0d", "/mcp%0A", "/mcp%00", "/mcp%20", "/MCP", "//mcp", "/mcp;x", "/mcp%2f", "/mcp//",
    "/mcp/x", "/health/..%2fmcp", "/health%0a", "/metrics%0a", "/", "/mcp%09", "/mcp%C2%85",
]  # fmt: skip
DISCOVERY = [
    "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-protected-resource/mcp",
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
    "/register",
    "/authorize",
    "/token",
]


async def test_only_the_exact_path_is_served_and_limited(make_app: MakeApp, serving: Serving) -> None:
    app = make_app(rate_limit_per_s=0.001, rate_limit_burst=3)
    async with serving(app) as wires:
        for path in NEAR:
            wires.path = path
            for answer in (await wires.call("echo", {"text": "x"}), await wires.initialize()):
                assert answer.status_code in {404, 307}, path
                assert "mcp-session-id" not in answer.headers
        wires.path = "/mcp"
        statuses = [(await wires.call("echo", {"text": "x"})).status_code for _ in range(4)]
        assert statuses == [200, 200, 200, 429]
    assert app.sessions_open() == 0


@pytest.mark.parametrize("settings", [{}, {"auth_tokens": ["t" * 20]}], ids=["open", "tokens"])
async def test_clients_that_look_for_an_authorization_server_find_none(
    make_app: MakeApp, serving: Serving, settings: dict[str, Any]
) -> None:
    async with serving(make_app(**settings)) as wires:
        for path in DISCOVERY:
            for method in ("GET", "POST"):
                assert (await wires.http.request(method, path)).status_code == 404, path
        expected = 401 if settings else 200
        assert (await wires.call("echo", {"text": "x"})).status_code == expected


async def test_an_app_with_an_authorization_server_names_it(make_app: MakeApp, serving: Serving) -> None:
    auth = RemoteAuthProvider(
        token_verifier=StaticTokenVerifier({"secret": {"client_id": "reader", "scopes": []}}),
        authorization_servers=[AnyHttpUrl("https://login.example")],
        base_url="http://127.0.0.1:8000",
    )
    async with serving(make_app(FastMCP("authorized", auth=auth))) as wires:
        answer = await wires.http.get("/.well-known/oauth-protected-resource/mcp")
        assert answer.json()["authorization_servers"] == ["https://login.example/"]
        assert (await wires.http.get("/register")).status_code == 404


@pytest.mark.parametrize("path", ["/mcp", "/tools/mcp", "/mcp/", "/"])
async def test_another_ending_is_redirected_by_a_relative_reference(
    make_app: MakeApp, serving: Serving, path: str
) -> None:
    other = path[:-1] if path.endswith("/") else f"{path}/"
    async with serving(make_app(path=path)) as wires:
        wires.path = path
        assert (await wires.call("echo", {"text": "x"})).status_code == 200
        if not other:
            return
        answer = await wires.http.post(f"{other}?a=b")
        assert answer.status_code == 307
        # A client goes on where it was, also behind TLS and below a prefix that a proxy takes away.
        for prefix in ("https://public.example", "https://public.example/prefix"):
            assert urljoin(f"{prefix}{other}?a=b", answer.headers["location"]) == f"{prefix}{path}?a=b"


async def test_routes_of_the_app_are_served(make_app: MakeApp, serving: Serving) -> None:
    mcp: FastMCP[Any] = FastMCP("pages")

    @mcp.custom_route("/page/{name}", methods=["GET"])
    async def page(request: Request) -> PlainTextResponse:
        return PlainTextResponse(request.path_params["name"])

    async with serving(make_app(mcp)) as wires:
        assert (await wires.http.get("/page/one")).text == "one"
        assert (await wires.http.post("/page/one")).status_code == 405
        assert (await wires.http.get("/page/one%0a")).status_code == 404
        redirected = await wires.http.get("//evil.example/")
        assert redirected.status_code == 404
        redirected = await wires.http.get("/page/evil.example:1/")
        assert (redirected.status_code, redirected.headers["location"]) == (307, "../evil.example%3A1")


async def test_no_spelling_of_a_path_evades_the_tokens(
    make_app: MakeApp, serving: Serving, tmp_path: Path
) -> None:
    (tmp_path / "health").mkdir()
    for name in ("secret.txt", "health/open.txt"):
        (tmp_path / name).write_text(name)
    token = "t" * 20
    served = make_app(auth_tokens=[token], routes=[Mount("/", StaticFiles(directory=tmp_path))])
    async with serving(served) as wires:
        assert (await wires.http.get("/health/open.txt")).text == "health/open.txt"
        assert (await wires.http.get("/secret.txt")).status_code == 401
        for spelling in ("%2e%2e/", "..%2f", "%2e%2e%2f", "..%5c", "x/..%2f..%2f", "%2e/%2e%2e/"):
            assert (await wires.http.get(f"/health/{spelling}secret.txt")).status_code == 404, spelling
        wires.http.headers["authorization"] = f"Bearer {token}"
        assert (await wires.http.get("/secret.txt")).text == "secret.txt"
        assert (await wires.http.get("/health/..%2fsecret.txt")).status_code == 404
        assert (await wires.http.get("/.well-known/x..y")).status_code == 404  # no such file
        (tmp_path / "..name").write_text("dots")
        assert (await wires.http.get("/..name")).text == "dots"


@contextlib.asynccontextmanager
async def mounted(served: Any, make: Callable[[Any], Any]) -> AsyncIterator[httpx2.AsyncClient]:
    async with (
        served.lifespan(),
        httpx2.AsyncClient(
            transport=httpx2.ASGITransport(make(served)), base_url="http://127.0.0.1:8000", timeout=30
        ) as http,
    ):
        yield http


def with_root_path(served: Any) -> Any:
    """Serve an app as uvicorn does with `--root-path /api`."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        path = f"/api{scope['path'].removeprefix('/api')}"
        await served({**scope, "root_path": "/api", "path": path, "raw_path": path.encode()}, receive, send)

    return app


MOUNTS: dict[str, Callable[[Any], Any]] = {
    "Mount": lambda served: Starlette(routes=[Mount("/api", served)]),
    "Mount in Mount": lambda served: Starlette(
        routes=[Mount("/a", routes=[Mount("/pi", Starlette(routes=[Mount("/x", served)]))])]
    ),
    "root_path": with_root_path,
}
PREFIXES = {"Mount": "/api", "Mount in Mount": "/a/pi/x", "root_path": "/api"}


@pytest.mark.parametrize("kind", MOUNTS)
async def test_a_mounted_app_has_its_pages_limits_and_lane(
    make_app: MakeApp, wires_with: Callable[..., Any], kind: str
) -> None:
    token = "t" * 20
    served = make_app(rate_limit_per_s=0.001, rate_limit_burst=4, auth_tokens=[token])
    prefix = PREFIXES[kind]
    async with mounted(served, MOUNTS[kind]) as http:
        assert (await http.get(f"{prefix}/health")).json()["status"] == "ok"
        assert (await http.get(f"{prefix}/metrics")).status_code == 401
        assert (await http.get(f"{prefix}/.well-known/oauth-protected-resource")).status_code == 404
        http.headers["authorization"] = f"Bearer {token}"
        assert "mcp_sessions_open" in (await http.get(f"{prefix}/metrics")).text
        assert (await http.post(f"{prefix}/mcp%0a")).status_code == 404
        assert (await http.post(f"{prefix}/mcp/")).headers["location"] == "../mcp"
        wires = wires_with(http, f"{prefix}/mcp")
        session = await wires.open_session()
        assert (await wires.call("echo", {"text": "x"})).json()["result"]["content"][0]["text"] == "x"
        assert (await wires.call_in_session(session, "echo", {"text": "x"})).status_code == 200
        assert (await wires.call("echo", {"text": "x"})).status_code == 429
        assert "mcp_fast_lane_calls_total 2.0" in (await http.get(f"{prefix}/metrics")).text
