"""The example of an OAuth resource server, with a local authorization server, beside FastMCP alone."""

from __future__ import annotations

import importlib.util
import json
import socket
import sys
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from authorization_server import PATH, AuthorizationServer
from fastmcp import Client
from fastmcp.exceptions import ToolError
from fastmcp.utilities.tests import HeadlessOAuth
from listening import listening

from server_core import create_app

pytestmark = [pytest.mark.anyio, pytest.mark.long]

EXAMPLE = Path(__file__).parents[2] / "examples" / "oauth_server.py"
WAYS = ("FastMCP", "server-core")
METADATA = "/.well-known/oauth-protected-resource/mcp"


def example() -> Any:
    spec = importlib.util.spec_from_file_location("oauth_server_example", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@dataclass
class Site:
    """A served example and its authorization server."""

    login: AuthorizationServer
    url: str

    @property
    def endpoint(self) -> str:
        return f"{self.url}/mcp"

    async def call(self, tool: str, authorization: str | None = None) -> httpx2.Response:
        """Call a tool on the stateless wire."""
        prefix = "io.modelcontextprotocol/"
        meta = {f"{prefix}protocolVersion": "2026-07-28", f"{prefix}clientCapabilities": {}}
        params = {"name": tool, "arguments": {}, "_meta": meta}
        headers = {
            "accept": "application/json, text/event-stream",
            "mcp-protocol-version": "2026-07-28",
            "mcp-method": "tools/call",
            "mcp-name": tool,
        }
        if authorization is not None:
            headers["authorization"] = authorization
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        async with httpx2.AsyncClient() as http:
            return await http.post(self.endpoint, json=body, headers=headers)


@asynccontextmanager
async def site(way: str, *granted: str) -> AsyncIterator[Site]:
    """Serve the example beside an authorization server that grants these scopes."""
    with (
        socket.create_server(("127.0.0.1", 0)) as login_listener,
        socket.create_server(("127.0.0.1", 0)) as listener,
    ):
        origin, url = (f"http://127.0.0.1:{each.getsockname()[1]}" for each in (login_listener, listener))
        issuer = f"{origin}{PATH}"
        login = AuthorizationServer(issuer, granted)
        module = example()
        settings = module.NotesSettings(public_url=url, issuer=issuer, _env_file=None)
        mcp = module.create_server(settings)
        app = (
            create_app(mcp, settings)
            if way == "server-core"
            else mcp.http_app(path="/mcp", json_response=True, host_origin_protection=False)
        )
        async with listening(login.app(), login_listener), listening(app, listener):
            yield Site(login, url)


BOTH = ("notes:read", "notes:write")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_finds_its_way_to_the_login_and_calls(way: str, mode: Any) -> None:
    async with site(way, *BOTH) as served:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the client warns of tokens in memory
            auth = HeadlessOAuth(served.endpoint, scopes=list(BOTH))
        async with Client(served.endpoint, auth=auth, mode=mode) as client:
            assert (await client.call_tool("add_note", {"text": "milk"})).data == 1
            assert (await client.call_tool("read_notes", {})).data == ["milk"]
        assert served.login.requests == ["metadata", "register", "authorize", "token"]


@pytest.mark.parametrize("way", WAYS)
async def test_a_tool_may_require_more_scopes_than_the_server(way: str) -> None:
    async with site(way, "notes:read") as served:
        token = served.login.token(served.endpoint, "notes:read")
        async with Client(served.endpoint, auth=token, mode="legacy") as client:
            assert (await client.call_tool("read_notes", {})).data == []
            with pytest.raises(ToolError):
                await client.call_tool("add_note", {"text": "milk"})


async def test_requests_without_a_good_token_are_answered_as_by_fastmcp() -> None:
    results: dict[str, list[Any]] = {}
    for way in WAYS:
        async with site(way, *BOTH) as served:
            login, endpoint = served.login, served.endpoint
            tokens = {
                "none": None,
                "unknown": "Bearer unknown",
                "other server": f"Bearer {login.token('https://other.example.com/mcp', *BOTH)}",
                "other issuer": f"Bearer {login.token(endpoint, *BOTH, iss='https://other.example.com')}",
                "expired": f"Bearer {login.token(endpoint, *BOTH, exp=1)}",
                "too few scopes": f"Bearer {login.token(endpoint, 'notes:write')}",
                "good": f"Bearer {login.token(endpoint, 'notes:read')}",
            }
            rows = []
            for name, token in tokens.items():
                answer = await served.call("read_notes", token)
                challenge = answer.headers.get("www-authenticate", "")
                rows.append((name, answer.status_code, challenge.replace(served.url, "URL"), answer.text))
            async with httpx2.AsyncClient() as http:
                metadata = await http.get(f"{served.url}{METADATA}")
            text = metadata.text.replace(served.url, "URL").replace(login.issuer, "ISSUER")
            rows.append(("metadata", metadata.status_code, "", json.loads(text)))
            results[way] = rows
    assert results["server-core"] == results["FastMCP"]
    statuses = [status for _, status, _, _ in results["server-core"]]
    assert statuses == [401] * 6 + [200] * 2
    challenges = [challenge for _, status, challenge, _ in results["server-core"] if status == 401]
    assert all(f'resource_metadata="URL{METADATA}"' in challenge for challenge in challenges)
    metadata = results["server-core"][-1][-1]
    assert metadata["resource"] == "URL/mcp"
    assert metadata["authorization_servers"] == ["ISSUER"]
    assert metadata["scopes_supported"] == list(BOTH)


async def test_the_session_of_a_user_is_nobody_elses() -> None:
    async with site("server-core", *BOTH) as served:
        tokens = [served.login.token(served.endpoint, *BOTH, client_id=name) for name in ("one", "two")]
        async with httpx2.AsyncClient(
            headers={"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-11-25"}
        ) as http:
            first, second = ({"authorization": f"Bearer {token}"} for token in tokens)
            params = {
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": {"name": "t", "version": "1"},
            }
            body = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
            opened = await http.post(served.endpoint, json=body, headers=first)
            session = {"mcp-session-id": opened.headers["mcp-session-id"]}
            ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
            statuses = [
                (await http.post(served.endpoint, json=ping, headers={**session, **user})).status_code
                for user in (first, second, {})
            ]
            assert statuses == [200, 404, 401]
