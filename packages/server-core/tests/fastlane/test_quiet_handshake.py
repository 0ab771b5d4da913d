"""A hidden handshake passes by whatever the app has added; every other message goes through it."""

from __future__ import annotations

from typing import Any

from fastmcp import FastMCP
from fastmcp.server.low_level import LowLevelServer
from mcp_types import NotificationParams

from server_core.fastlane.quiet_handshake import QuietServer, allow_quiet_handshakes, quiet_handshake


async def handle(*_args: Any) -> None:
    return None


def test_the_apps_additions_are_hidden_within_the_block_only() -> None:
    server: Any = FastMCP("app")._mcp_server
    middleware = server.middleware
    allow_quiet_handshakes(server)
    server.add_notification_handler("notifications/initialized", NotificationParams, handle)
    assert server.middleware is middleware
    with quiet_handshake():
        assert server.middleware == []
        assert server.get_notification_handler("notifications/initialized") is None
    assert server.middleware is middleware
    assert server.get_notification_handler("notifications/initialized").handler is handle
    server.middleware = [handle]
    assert server.middleware == [handle]


def test_only_servers_that_are_known_are_changed() -> None:
    server = FastMCP("app")._mcp_server
    for _ in range(2):
        allow_quiet_handshakes(server)
        assert type(server) is QuietServer

    class Own(LowLevelServer[Any]):
        pass

    server.__class__ = Own
    allow_quiet_handshakes(server)
    assert type(server) is Own
