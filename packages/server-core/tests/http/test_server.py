"""Connections that stall are closed, and others are not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from fastmcp import FastMCP
from pydantic_settings import SettingsConfigDict
from sse_starlette.sse import AppStatus

from server_core import ServerSettings, create_app
from server_core.http.server import HttpServer


class Settings(ServerSettings):
    model_config = SettingsConfigDict(env_prefix="NOBODY_SETS_THIS_", env_file=None)


class Connection:
    """A connection as uvicorn's protocol shows it; by default, one whose headers have not arrived."""

    def __init__(self) -> None:
        self.timeout_keep_alive_task: object | None = None
        self.cycle: Any = None
        self.answered = 0
        self.is_closed = self.is_aborted = False
        self.unsent = 0
        self.flow = SimpleNamespace(write_paused=False)
        self.transport = SimpleNamespace(
            close=self._close,
            abort=self._abort,
            get_write_buffer_size=lambda: self.unsent,
            is_closing=lambda: self.is_closed,
        )

    def _close(self) -> None:
        self.is_closed = True

    def _abort(self) -> None:
        self.is_aborted = True


@pytest.fixture
def server() -> HttpServer:
    settings = Settings(request_timeout_s=5)
    return HttpServer(create_app(FastMCP("app"), settings), settings, lambda: None)


def test_only_stalled_connections_are_closed(server: HttpServer) -> None:
    stalled, idle, served, active = (Connection() for _ in range(4))
    idle.timeout_keep_alive_task = object()
    served.cycle = SimpleNamespace(response_complete=False)
    server.server_state.connections |= {stalled, idle, served, active}  # type: ignore[arg-type]
    for now_s in (100.0, 103.0, 104.9, 105.1):
        assert not stalled.is_closed
        server._close_stalled(now_s)
        active.answered += 1  # another request has been answered
    assert [each.is_closed for each in (stalled, idle, served, active)] == [True, False, False, False]


def test_clients_that_read_nothing_of_a_response_are_cut_off(server: HttpServer) -> None:
    served = SimpleNamespace(response_complete=False)
    never, slow, closing, fast = (Connection() for _ in range(4))
    for connection in (never, slow, closing, fast):
        connection.cycle, connection.unsent = served, 100_000
        connection.flow.write_paused = True
    closing.flow.write_paused, closing.is_closed = False, True
    fast.flow.write_paused = False
    server.server_state.connections |= {never, slow, closing, fast}  # type: ignore[arg-type]
    for now_s in (100.0, 103.0, 104.9, 105.1):
        assert not never.is_aborted
        server._close_stalled(now_s)
        slow.unsent -= 1
    assert [each.is_aborted for each in (never, slow, closing, fast)] == [True, False, True, False]


async def _tick(server: HttpServer, ticks: int) -> list[int]:
    closed_at = []
    server._close_stalled = lambda _now_s: closed_at.append(tick)  # type: ignore[method-assign]
    for tick in range(ticks):
        await server.on_tick(tick)
    return closed_at


@pytest.mark.anyio
async def test_connections_are_checked_once_a_second(server: HttpServer) -> None:
    assert await _tick(server, 25) == [0, 10, 20]


def test_idle_connections_are_kept_for_75_s(server: HttpServer) -> None:
    assert server.config.timeout_keep_alive == 75


@pytest.mark.usefixtures("server")
def test_sse_starlette_does_not_end_streams_on_the_first_signal() -> None:
    assert not AppStatus.enable_automatic_graceful_drain
