"""Bearer tokens, required on every path but `/health`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from fastmcp import FastMCP
from fastmcp.server.auth import RemoteAuthProvider, StaticTokenVerifier
from fastmcp.server.dependencies import get_access_token
from pydantic import AnyHttpUrl
from starlette.responses import PlainTextResponse

pytestmark = pytest.mark.anyio

MakeApp = Callable[..., Any]
Serving = Callable[..., Any]
ANN, BOB = "ann-" + "a" * 20, "bob-" + "b" * 20


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@pytest.mark.parametrize("path", ["/mcp", "/metrics"])
async def test_every_page_but_health_requires_a_token(make_app: MakeApp, serving: Serving, path: str) -> None:
    async with serving(make_app(auth_tokens=[ANN, BOB])) as wires:
        answer = await wires.http.get(path)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Bearer realm="mcp"'
        assert "Authorization: Bearer" in answer.json()["error"]["message"]
        assert (await wires.http.get("/health")).status_code == 200
        assert (await wires.http.get("/health/ready")).status_code == 404  # of an app that has no such page
        assert (await wires.http.get("/healthy")).status_code == 404
        assert (await wires.http.get(path, headers=bearer(BOB))).status_code != 401


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (f"Bearer {ANN}", 200),
        (f"bearer {BOB}", 200),
        (f"BEARER   {BOB} ", 200),
        (f"Bearer {ANN}x", 401),
        (f"Bearer {ANN[:-1]}", 401),
        (f"Bearer {ANN},{BOB}", 401),
        ("Bearer", 401),
        ("Bearer ", 401),
        (f"Basic {ANN}", 401),
        (ANN, 401),
        ("Bearer \u00ff", 401),
    ],
)
async def test_only_a_complete_token_is_accepted(
    make_app: MakeApp, serving: Serving, value: str, status: int
) -> None:
    async with serving(make_app(auth_tokens=[ANN, BOB])) as wires:
        answer = await wires.http.get("/metrics", headers=[(b"authorization", value.encode("latin-1"))])
        assert answer.status_code == status
        if status == 401:
            assert 'error="invalid_token"' in answer.headers["www-authenticate"]


async def test_two_tokens_in_one_request_are_refused(make_app: MakeApp, serving: Serving) -> None:
    async with serving(make_app(auth_tokens=[ANN, BOB])) as wires:
        both = [("authorization", f"Bearer {ANN}"), ("authorization", f"Bearer {BOB}")]
        assert (await wires.http.get("/metrics", headers=both)).status_code == 401


@pytest.mark.parametrize("fast_lane", [True, False])
async def test_a_session_belongs_to_the_token_that_opened_it(
    make_app: MakeApp, serving: Serving, *, fast_lane: bool
) -> None:
    async with serving(make_app(auth_tokens=[ANN, BOB], fast_lane=fast_lane)) as wires:
        wires.http.headers.update(bearer(ANN))
        session = await wires.open_session()

        async def calls() -> list[Any]:
            return [
                await wires.call_in_session(session, "echo", {"text": "hi"}),
                await wires.in_session(session, "tools/list"),
                await wires.in_session(session, "prompts/get", {"name": "none"}),
            ]

        wires.http.headers.update(bearer(BOB))
        answers = [*await calls(), await wires.delete(session)]
        assert [answer.status_code for answer in answers] == [404] * 4
        assert {json.dumps(answer.json()) for answer in answers} == {
            '{"jsonrpc": "2.0", "id": null, "error": {"code": -32600, "message": "Session not found"}}'
        }
        wires.http.headers.update(bearer(ANN))
        assert [answer.status_code for answer in await calls()] == [200] * 3
        # By now it has been promoted to an SDK session.
        wires.http.headers.update(bearer(BOB))
        assert [answer.status_code for answer in await calls()] == [404] * 3
        wires.http.headers.update(bearer(ANN))
        assert (await wires.delete(session)).status_code == 200


async def test_calls_in_promoted_sessions_stay_on_the_lane(make_app: MakeApp, serving: Serving) -> None:
    app = make_app(auth_tokens=[ANN])
    async with serving(app) as wires:
        wires.http.headers.update(bearer(ANN))
        session = await wires.open_session()
        await wires.in_session(session, "prompts/get", {"name": "none"})
        assert app._lane.light_sessions() == 0
        before = app._lane.answered
        await wires.call_in_session(session, "echo", {"text": "hi"})
        assert app._lane.answered == before + 1


async def test_tools_can_identify_the_caller_but_not_read_the_token(
    make_app: MakeApp, serving: Serving
) -> None:
    mcp: FastMCP[Any] = FastMCP("who")

    @mcp.tool
    async def who() -> str:
        token = get_access_token()
        return "nobody" if token is None else f"{token.client_id} {token.token}"

    async with serving(make_app(mcp, auth_tokens=[ANN, BOB])) as wires:
        names = []
        for token in (ANN, BOB, ANN):
            wires.http.headers.update(bearer(token))
            names.append((await wires.call("who", {})).json()["result"]["content"][0]["text"])
    assert names[0] == names[2] != names[1]
    assert "nobody" not in names
    assert not any(token in text for token in (ANN, BOB) for text in names)


def app_with_provider() -> FastMCP[Any]:
    """Return an app that verifies tokens itself and names the authorization server that issues them."""
    token = {"client_id": "carol", "scopes": ["read"]}
    verifier = StaticTokenVerifier({"issued": token}, required_scopes=["read"])
    provider = RemoteAuthProvider(
        verifier, [AnyHttpUrl("https://login.example.com")], base_url="http://127.0.0.1:8000"
    )
    mcp: FastMCP[Any] = FastMCP("guarded", auth=provider)

    @mcp.tool
    async def who() -> str:
        token = get_access_token()
        return "nobody" if token is None else token.client_id

    return mcp


def served_by_fastmcp(mcp: FastMCP[Any]) -> Any:
    return mcp.http_app(path="/mcp", json_response=True, host_origin_protection=False)


METADATA = "/.well-known/oauth-protected-resource/mcp"


async def test_the_tokens_of_the_settings_leave_the_endpoint_to_the_apps_own_provider(
    make_app: MakeApp, serving: Serving, wires_with: Any
) -> None:
    alone = served_by_fastmcp(app_with_provider())
    async with (
        serving(make_app(app_with_provider(), auth_tokens=[ANN])) as wires,
        alone.lifespan(alone),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(alone), base_url="http://127.0.0.1:8000") as http,
    ):
        plain = wires_with(http)
        requests = [
            lambda wires: wires.http.get(METADATA),
            lambda wires: wires.call("who", {}),
            lambda wires: wires.call("who", {}, authorization="Bearer wrong"),
            lambda wires: wires.call("who", {}, authorization=f"Bearer {ANN}"),
            lambda wires: wires.call("who", {}, authorization="Bearer issued"),
        ]
        for request in requests:
            own, expected = await request(wires), await request(plain)
            assert own.status_code == expected.status_code
            assert own.headers.get("www-authenticate") == expected.headers.get("www-authenticate")
            assert own.text == expected.text
        assert (await wires.http.get(METADATA)).json()["resource"] == "http://127.0.0.1:8000/mcp"
        challenge = (await wires.call("who", {})).headers["www-authenticate"]
        assert f'resource_metadata="http://127.0.0.1:8000{METADATA}"' in challenge
        assert "carol" in (await wires.call("who", {}, authorization="Bearer issued")).text
        # The settings' tokens guard all other pages.
        assert (await wires.http.get("/metrics")).status_code == 401
        assert (await wires.http.get("/metrics", headers=bearer("issued"))).status_code == 401
        assert (await wires.http.get("/metrics", headers=bearer(ANN))).status_code == 200


async def test_only_the_pages_of_the_provider_itself_are_open(make_app: MakeApp, serving: Serving) -> None:
    mcp = app_with_provider()

    @mcp.custom_route("/page", methods=["GET"])
    async def page(_request: Any) -> PlainTextResponse:
        return PlainTextResponse("own page")

    async with serving(make_app(mcp, auth_tokens=[ANN])) as wires:
        assert (await wires.http.get("/page")).status_code == 401
        assert (await wires.http.get("/page", headers=bearer(ANN))).text == "own page"
        for path in ("/mcp/", "/mcp/x", f"{METADATA}/x", "/.well-known/openid-configuration"):
            assert (await wires.http.get(path)).status_code in (307, 404), path
