from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from server_core.layers.guard import HostOriginGuard

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("path", ["/mcp", "/health", "/metrics", "/elsewhere"])
async def test_every_path_is_guarded(
    make_app: Callable[..., Any], serving: Callable[..., Any], path: str
) -> None:
    async with serving(make_app()) as wires:
        assert (await wires.http.get(path, headers={"host": "evil.example"})).status_code == 421
        assert (await wires.http.get(path, headers={"origin": "http://evil.example"})).status_code == 403
        twice = [("host", "evil.example"), ("host", "127.0.0.1")]
        assert (await wires.http.get(path, headers=twice)).status_code == 400


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8000", "localhost", "[::1]:8000", "app.example", "x.wild.example"]
)
async def test_admitted_hosts(make_app: Callable[..., Any], serving: Callable[..., Any], host: str) -> None:
    app = make_app(allowed_hosts=["app.example", "*.wild.example"])
    async with serving(app) as wires:
        assert (await wires.http.get("/health", headers={"host": host})).status_code == 200


async def test_admitted_origins(make_app: Callable[..., Any], serving: Callable[..., Any]) -> None:
    async with serving(make_app(allowed_origins=["https://app.example"])) as wires:
        for origin in ("https://app.example", "http://127.0.0.1:8000"):
            assert (await wires.http.get("/health", headers={"origin": origin})).status_code == 200
        for origin in ("http://app.example", "null", "https://app.example.evil.example"):
            assert (await wires.http.get("/health", headers={"origin": origin})).status_code == 403


async def test_an_admitted_combination_admits_no_other() -> None:
    served: list[bytes] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        served.append(dict(scope["headers"])[b"host"])

    guard = HostOriginGuard(app, allowed_hosts=[], allowed_origins=[])

    async def request(*headers: tuple[bytes, bytes]) -> int:
        status: list[int] = []

        async def send(message: Any) -> None:
            status.append(message.get("status", 0))

        scope = {"type": "http", "method": "GET", "path": "/", "scheme": "http", "headers": list(headers)}
        await guard({**scope, "server": ("127.0.0.1", 1)}, None, send)  # type: ignore[arg-type]  # never received from
        return status[0] if status else 200

    good = (b"host", b"127.0.0.1")
    evil = (b"origin", b"http://evil.example")
    for _ in range(2):
        assert await request(good) == 200
        assert await request((b"host", b"evil.example")) == 421
        assert await request(good, evil) == 403
        assert await request(good, (b"origin", b"http://127.0.0.1"), evil) == 400
        assert await request(good, (b"host", b"127.0.0.1")) == 400
    assert len(served) == 2


async def test_the_memory_of_combinations_is_bounded() -> None:
    async def app(_scope: Any, _receive: Any, _send: Any) -> None: ...

    guard = HostOriginGuard(app, allowed_hosts=[], allowed_origins=[])
    sizes = []
    for port in range(600):
        scope = {"type": "http", "scheme": "http", "headers": [(b"host", b"127.0.0.1:%d" % port)]}
        await guard(scope, None, None)  # type: ignore[arg-type]  # admitted, so never answered by the guard
        sizes.append(len(guard._admitted))
    assert max(sizes) == 256


async def test_the_address_of_the_server_may_be_a_list() -> None:
    """ASGI asks for two items only; Starlette's test client gives a list."""
    served: list[Any] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        served.append(scope["server"])

    guard = HostOriginGuard(app, allowed_hosts=[], allowed_origins=[])
    for server in (["127.0.0.1", 1], ("127.0.0.1", 1), None):
        scope = {"type": "http", "method": "GET", "path": "/", "scheme": "http", "server": server}
        await guard({**scope, "headers": [(b"host", b"127.0.0.1")]}, None, None)  # type: ignore[arg-type]  # unused
    assert served == [["127.0.0.1", 1], ("127.0.0.1", 1), None]


async def test_the_log_names_the_setting_that_would_admit_a_request(
    make_app: Callable[..., Any], serving: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(make_app()) as wires:
        for _ in range(2):
            await wires.http.get("/mcp", headers={"host": "public.example"})
            await wires.http.get("/mcp", headers={"origin": "https://page.example"})
        lines = [
            record.getMessage() for record in caplog.records if record.name == "server_core.layers.guard"
        ]
        assert lines == [
            "refused Host 'public.example' with 421: if it should be admitted, name it in "
            "NOBODY_SETS_THIS_ALLOWED_HOSTS or --allowed-hosts",
            "refused Origin 'https://page.example' with 403: if it should be admitted, name it in "
            "NOBODY_SETS_THIS_ALLOWED_ORIGINS or --allowed-origins",
        ]
        for number in range(200):
            await wires.http.get("/mcp", headers={"host": f"h{number}.example" + "x" * 1000})
    logged = [record.getMessage() for record in caplog.records if record.name == "server_core.layers.guard"]
    assert len(logged) == 64
    assert max(map(len, logged)) < 400
