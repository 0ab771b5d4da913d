"""The parts of an app that may change while it serves, compared on each request in a microsecond."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from operator import itemgetter
from typing import Any, Final

from fastmcp import FastMCP
from fastmcp.server.middleware import Middleware
from fastmcp.server.middleware.dereference import DereferenceRefsMiddleware
from fastmcp.server.providers import Provider
from fastmcp.server.providers.local_provider import LocalProvider
from fastmcp.tools import FunctionTool

from server_core.fastlane.middleware_reach import HOOKS
from server_core.sdk.internals import (
    APP_PARTS,
    PROVIDER_PARTS,
    SERVER_PARTS,
    local_components,
    low_level_server,
    notification_handlers,
    request_handlers,
    tracer_provider,
)

_app_parts: Final = itemgetter(*APP_PARTS)
_server_parts: Final = itemgetter(*SERVER_PARTS)
_provider_parts: Final = itemgetter(*PROVIDER_PARTS)
_call_handlers: Final = itemgetter("tools/call", "tools/list")

# Code that is patched into a class. Looking it up in the dictionaries is several times as fast as in classes.
_app_code: Final = partial(itemgetter("call_tool", "get_tool", "list_tools"), FastMCP.__dict__)
_provider_code: Final = partial(itemgetter("get_tool", "list_tools"), Provider.__dict__)
_middleware_code: Final = partial(
    itemgetter("__call__", "on_message", "on_request", "on_call_tool"), Middleware.__dict__
)
_tool_code: Final = partial(itemgetter("run"), FunctionTool.__dict__)
_list_code: Final = partial(
    itemgetter("list_resources", "list_resource_templates", "list_prompts"), FastMCP.__dict__
)
_hooks: Final = partial(itemgetter(*sorted(frozenset().union(*HOOKS.values()))), Middleware.__dict__)


class AppState:
    """Knows whether the parts of an app are those that were examined last.

    Middleware is not among them, because FastMCP allows for any object as middleware.
    """

    def __init__(self, mcp: FastMCP[Any]) -> None:
        self._server, self._provider = low_level_server(mcp), mcp.local_provider
        self._components = local_components(mcp)
        self._app_attributes = mcp.__dict__
        self._server_attributes = self._server.__dict__
        self._provider_attributes = self._provider.__dict__
        # A new attribute may hide a method of a class, or of its base.
        self._extended = (
            *(self._app_attributes, self._server_attributes, self._provider_attributes),
            *(type(mcp).__dict__, LocalProvider.__dict__, DereferenceRefsMiddleware.__dict__),
        )
        self._remembered: tuple[Any, ...] = ()
        self._remembered_for_messages: tuple[Any, ...] = ()

    def has_changed(self) -> bool:
        """Return whether anything that matters to calls has changed since `remember`."""
        try:
            return self._parts() != self._remembered
        except Exception:  # noqa: BLE001 - a part is missing, or cannot be compared
            return True

    def have_messages_changed(self) -> bool:
        """Return whether anything that matters to other messages than calls has changed since `remember`."""
        return self._message_parts() != self._remembered_for_messages

    def remember(self) -> None:
        """Take the parts of the app as they are for examined."""
        try:
            self._remembered = tuple(map(_copied, self._parts()))
        except Exception:  # noqa: BLE001 - a part is missing: every request finds the app changed
            self._remembered = ()
        self._remembered_for_messages = self._message_parts()

    def _parts(self) -> tuple[Any, ...]:
        app, server, provider = self._app_attributes, self._server_attributes, self._provider_attributes
        transforms, components = _provider_parts(provider)
        return (
            _app_parts(app),
            _server_parts(server),
            transforms,
            components is self._components,
            tracer_provider(),
            type(self._server),
            type(self._provider),
            _call_handlers(request_handlers(self._server)),
            *map(len, self._extended),
            _app_code(),
            _provider_code(),
            _middleware_code(),
            _tool_code(),
        )

    def _message_parts(self) -> tuple[Any, ...]:
        return (
            *request_handlers(self._server).items(),
            None,
            *notification_handlers(self._server).items(),
            _list_code(),
            _hooks(),
        )


def _copied(part: Any) -> Any:
    """Return a part with copies of its lists and dictionaries, which later changes do not reach."""
    if isinstance(part, tuple):
        return tuple(map(_copied, part))
    if isinstance(part, list):
        return list(part)
    return dict(part) if isinstance(part, Mapping) else part
