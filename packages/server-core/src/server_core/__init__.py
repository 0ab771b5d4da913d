"""Serve a FastMCP app with guards, limits and metrics, over HTTP on both MCP wires or over stdio."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from server_core.app import ServedApp, create_app
    from server_core.callers import Caller, caller
    from server_core.errors import (
        BindError,
        ReadyFileError,
        ServerCoreError,
        SettingsError,
        TelemetryError,
        WorkerError,
    )
    from server_core.observability.app_metrics import publish
    from server_core.observability.metrics import ServerMetrics
    from server_core.run import main, serve
    from server_core.sdk.session_ends import on_session_end
    from server_core.sdk.session_shares import session_client
    from server_core.settings import Port, ServerSettings, load_settings
    from server_core.startup import without_collections
    from server_core.tools import EncodedJson, PlainTool

__all__ = [
    "BindError",
    "Caller",
    "EncodedJson",
    "PlainTool",
    "Port",
    "ReadyFileError",
    "ServedApp",
    "ServerCoreError",
    "ServerMetrics",
    "ServerSettings",
    "SettingsError",
    "TelemetryError",
    "WorkerError",
    "caller",
    "create_app",
    "load_settings",
    "main",
    "on_session_end",
    "publish",
    "serve",
    "session_client",
    "without_collections",
]

# Each name is imported on first use: a server on stdio needs little of what one over HTTP needs.
_MODULES = {
    "server_core.app": ("ServedApp", "create_app"),
    "server_core.callers": ("Caller", "caller"),
    "server_core.errors": (
        "BindError",
        "ReadyFileError",
        "ServerCoreError",
        "SettingsError",
        "TelemetryError",
        "WorkerError",
    ),
    "server_core.observability.app_metrics": ("publish",),
    "server_core.observability.metrics": ("ServerMetrics",),
    "server_core.run": ("main", "serve"),
    "server_core.sdk.session_ends": ("on_session_end",),
    "server_core.sdk.session_shares": ("session_client",),
    "server_core.settings": ("Port", "ServerSettings", "load_settings"),
    "server_core.startup": ("without_collections",),
    "server_core.tools": ("EncodedJson", "PlainTool"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
