"""Bearer tokens, required on every path but `/health`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from fastmcp import FastMCP
from fastmcp.server.dependencies import get_access_token

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
