"""Serve a FastMCP app with guards, limits and metrics, over HTTP on both MCP wires or over stdio."""

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
]
