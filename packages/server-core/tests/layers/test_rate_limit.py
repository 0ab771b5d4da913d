"""The rate limit as clients see it: 429 and `Retry-After`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from server_core.layers import rate_limit
from server_core.sdk.requestors import client_of

pytestmark = pytest.mark.anyio

MakeApp = Callable[..., Any]
Serving = Callable[..., Any]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(rate_limit, "monotonic", lambda: now[0])
    return now


async def test_the_burst_and_retry_after_are_exact(
    make_app: MakeApp, serving: Serving, clock: list[float]
) -> None:
    app = make_app(rate_limit_per_s=0.5, rate_limit_burst=4)
    async with serving(app) as wires:
        answers = [await wires.call("echo", {"text": "hi"}) for _ in range(6)]
        assert [answer.status_code for answer in answers] == [200] * 4 + [429] * 2
        refused = answers[-1]
        assert refused.headers["retry-after"] == "2"
        assert refused.json()["error"]["code"] == -32003
        assert "at most 0.5 messages per second, and 4 at once" in refused.json()["error"]["message"]
        clock[0] += 1.9
        assert (await wires.call("echo", {"text": "hi"})).status_code == 429
        clock[0] += 0.1
        assert (await wires.call("echo", {"text": "hi"})).status_code == 200
        assert (await wires.call("echo", {"text": "hi"})).status_code == 429
        assert "mcp_rate_limited_total 4.0" in (await wires.http.get("/metrics")).text


@pytest.mark.usefixtures("clock")
async def test_only_messages_count(make_app: MakeApp, serving: Serving) -> None:
    async with serving(make_app(rate_limit_per_s=0.1, rate_limit_burst=3)) as wires:
        session = await wires.open_session()
        assert (await wires.http.get("/health")).status_code == 200
        assert (await wires.call_in_session(session, "echo", {"text": "hi"})).status_code == 200
        assert (await wires.call_in_session(session, "echo", {"text": "hi"})).status_code == 429
        assert (await wires.delete(session)).status_code == 200


@pytest.mark.usefixtures("clock")
async def test_each_token_has_its_own_bucket(make_app: MakeApp, serving: Serving) -> None:
    tokens = ["a" * 20, "b" * 20]
    async with serving(make_app(rate_limit_per_s=1, auth_tokens=tokens)) as wires:
        seen = []
        for token in (*tokens, *tokens):
            wires.http.headers["authorization"] = f"Bearer {token}"
            seen.append((await wires.call("echo", {"text": "hi"})).status_code)
        assert seen == [200, 200, 429, 429]
        wires.http.headers["authorization"] = "Bearer nobody"
        assert (await wires.call("echo", {"text": "hi"})).status_code == 401


def _from(host: str | None) -> bytes:
    return client_of({"type": "http", "client": None if host is None else (host, 1)})


def test_clients_are_ipv4_addresses_and_ipv6_networks() -> None:
    assert _from("192.0.2.1") != _from("192.0.2.2")
    assert _from("2001:db8::1") == _from("2001:db8::ffff:1")
    assert _from("2001:db8::1") != _from("2001:db8:0:1::1")
    assert _from("::ffff:192.0.2.1") == _from("192.0.2.1")
    assert _from("fe80::1%eth0") == _from("fe80::2%eth0")
    assert _from("") == _from(None)
