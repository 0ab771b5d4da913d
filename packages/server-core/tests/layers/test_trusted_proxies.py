"""Clients' addresses and URLs, as told by proxies that are trusted and by others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from server_core.layers.trusted_proxies import TrustedProxies, parse_network
from server_core.sdk.requestors import client_of

pytestmark = pytest.mark.anyio

PROXIES = TrustedProxies([parse_network("10.0.0.0/8"), parse_network("::1")])


def seen(*headers: tuple[str, str], peer: str | None = "10.0.0.1") -> tuple[str, str, str]:
    """Return client, scheme and host of a request as the app sees them."""
    scope = {
        "type": "http",
        "scheme": "http",
        "client": None if peer is None else (peer, 4000),
        "headers": [(b"host", b"inner"), *((name.encode(), value.encode()) for name, value in headers)],
    }
    changed = PROXIES.seen_by_app(scope)
    hosts = [value.decode() for name, value in changed["headers"] if name == b"host"]
    assert len(hosts) == 1
    return (changed["client"] or [""])[0], changed["scheme"], hosts[0]


FOR, PROTO, HOST = "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], ("10.0.0.1", "http", "inner")),
        ([(FOR, "1.2.3.4"), (PROTO, "https"), (HOST, "a.example")], ("1.2.3.4", "https", "a.example")),
        # Of a list, the part that no trusted proxy has written does not count.
        ([(FOR, "6.6.6.6, 1.2.3.4, 10.1.1.1"), (PROTO, "https")], ("1.2.3.4", "https", "inner")),
        ([(FOR, "6.6.6.6"), (FOR, "1.2.3.4")], ("1.2.3.4", "http", "inner")),
        ([(FOR, "6.6.6.6, 1.2.3.4"), (PROTO, "https, http")], ("1.2.3.4", "http", "inner")),
        ([(FOR, "1.2.3.4, 10.1.1.1"), (PROTO, "https, http")], ("1.2.3.4", "https", "inner")),
        ([(FOR, "10.2.2.2, 10.1.1.1")], ("10.2.2.2", "http", "inner")),
        ([(FOR, "1.2.3.4:5678")], ("1.2.3.4", "http", "inner")),
        ([(FOR, "2001:db8::7")], ("2001:db8::7", "http", "inner")),
        ([(FOR, "[2001:db8::7]:80")], ("2001:db8::7", "http", "inner")),
        ([(FOR, "unknown")], ("10.0.0.1", "http", "inner")),
        ([(FOR, "1.2.3.4, nonsense")], ("10.0.0.1", "http", "inner")),
        ([(PROTO, "gopher"), (HOST, "a/b?c")], ("10.0.0.1", "http", "inner")),
        ([("forwarded", "for=1.2.3.4;proto=https;host=a.example")], ("1.2.3.4", "https", "a.example")),
        ([("forwarded", 'For="[2001:db8::7]:80" ; Proto=https')], ("2001:db8::7", "https", "inner")),
        ([("forwarded", "for=6.6.6.6,for=1.2.3.4;proto=https,for=10.1.1.1")], ("1.2.3.4", "https", "inner")),
        ([("forwarded", "for=6.6.6.6"), ("forwarded", "for=1.2.3.4")], ("1.2.3.4", "http", "inner")),
        ([("forwarded", "for=_hidden;proto=https")], ("10.0.0.1", "https", "inner")),
        ([("forwarded", 'for="1.2.3.4')], ("10.0.0.1", "http", "inner")),
        # A proxy writes one kind, so the other one is the client's.
        ([("forwarded", "for=6.6.6.6"), (FOR, "1.2.3.4")], ("10.0.0.1", "http", "inner")),
        ([("forwarded", "for=1.2.3.4"), (PROTO, "https")], ("10.0.0.1", "http", "inner")),
    ],
)  # fmt: skip
def test_what_a_trusted_proxy_tells(headers: list[tuple[str, str]], expected: tuple[str, str, str]) -> None:
    assert seen(*headers) == expected
    for stranger in ("11.0.0.1", "::2", "testclient", ""):
        assert seen(*headers, peer=stranger) == (stranger, "http", "inner")
    assert seen(*headers, peer=None) == ("", "http", "inner")


def test_an_ipv4_address_in_ipv6_is_the_same_proxy() -> None:
    assert seen((FOR, "1.2.3.4"), peer="::ffff:10.0.0.1")[0] == "1.2.3.4"
    assert seen((FOR, "1.2.3.4"), peer="::1")[0] == "1.2.3.4"


async def test_behind_a_trusted_proxy_clients_are_told_apart_and_redirects_are_public(
    make_app: Callable[..., Any], serving: Callable[..., Any]
) -> None:
    public = {FOR: "1.2.3.4", PROTO: "https", HOST: "mcp.example"}
    settings: dict[str, Any] = {
        "rate_limit_per_s": 0.001,
        "rate_limit_burst": 1,
        "allowed_hosts": ["mcp.example"],
    }
    async with serving(make_app(**settings, trusted_proxies=["127.0.0.1"])) as wires:
        for number in range(3):
            headers = {**public, FOR: f"1.2.3.{number}"}
            statuses = [(await wires.call("echo", {"text": "x"}, **headers)).status_code for _ in range(2)]
            assert statuses == [200, 429]
        answer = await wires.http.post("/mcp/", headers=public)
        assert answer.headers["location"] == "https://mcp.example/mcp"
        own_page = {**public, FOR: "1.2.3.9", "origin": "https://mcp.example"}
        assert (await wires.call("echo", {"text": "x"}, **own_page)).status_code == 200
        assert (await wires.http.get("/health", headers={HOST: "evil.example"})).status_code == 421
    async with serving(make_app(**settings)) as wires:
        statuses = [
            (await wires.call("echo", {"text": "x"}, **{**public, FOR: f"1.2.3.{number}"})).status_code
            for number in range(2)
        ]
        assert statuses == [200, 429]
        assert (await wires.http.post("/mcp/", headers=public)).headers["location"] == "../mcp"
        assert (await wires.http.get("/health", headers={HOST: "evil.example"})).status_code == 200


def test_a_client_behind_a_proxy_has_its_own_key() -> None:
    scope = {"type": "http", "client": ("10.0.0.1", 1), "headers": [(FOR.encode(), b"1.2.3.4")]}
    assert client_of(PROXIES.seen_by_app(scope)) == client_of({"type": "http", "client": ("1.2.3.4", 1)})
