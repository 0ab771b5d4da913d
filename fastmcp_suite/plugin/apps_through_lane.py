"""HTTP apps of FastMCP, served through server_core with its fast lane on.

Tests create Starlette apps (`http_app`, `create_streamable_http_app`), and look at them, mount them and enter
their lifespans. So the app stays what it is, and server_core becomes a layer in its middleware stack:

    guards and ASGI middleware that the app's author added
    server_core: its own layers, the lane
    FastMCP: request context, authorization, routes

This is the order in which server_core serves an app. A request at another path than the MCP endpoint does not
reach server_core. A complete POST is first offered to `ImmediateCalls`, as server_core's HTTP protocol does.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import inspect
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Final
from unittest import mock

from fastmcp import FastMCP
from fastmcp.server import http
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server_core.app import ServedApp, create_app
from server_core.fastlane import Answer
from server_core.layers.body_limit import replay
from server_core.layers.paths import route_path
from server_core.settings import ServerSettings

_AUTHORIZATION_MODULES: Final = (
    "fastmcp.server.auth",
    "mcp.server.auth",
    "starlette.middleware.authentication",
)
"""Modules of the middleware that FastMCP adds for an app with `auth`."""

_DEFAULT_IDLE_TIMEOUT_S: Final = 1800.0
"""The SDK's own, which `session_idle_timeout="auto"` stands for."""

_NEVER_S: Final = 1e9
"""Idle timeout of an app whose sessions never expire; the setting must be a number."""


@dataclass
class Counts:
    """Numbers of this process.

    Attributes:
        requests: Requests to MCP endpoints behind server_core.
        reached_fastmcp: Those of them that server_core did not answer itself.
    """

    requests: int = 0
    reached_fastmcp: int = 0


counts: Final = Counts()


def install() -> None:
    """Serve the apps that are created from now on through server_core."""
    original = http.create_streamable_http_app
    signature = inspect.signature(original)

    @functools.wraps(original)
    def create(*args: Any, **kwargs: Any) -> Any:
        app = original(*args, **kwargs)
        options = signature.bind(*args, **kwargs)
        options.apply_defaults()
        put_behind_lane(app, **options.arguments)
        return app

    for module in list(sys.modules.values()):
        if vars(module).get(original.__name__) is original:
            setattr(module, original.__name__, create)


def put_behind_lane(app: Starlette, server: Any, streamable_http_path: str, **options: Any) -> bool:
    """Make server_core a layer of `app`; return False, with nothing done, if it cannot serve such an app.

    It serves sessions itself, so an app without sessions or with an event store needs FastMCP.
    """
    settings = _settings(streamable_http_path, options["json_response"], options["session_idle_timeout"])
    if options["stateless_http"] or options["event_store"] is not None or settings is None:
        return False
    if not isinstance(server, FastMCP):
        return False
    fastmcp = _FastMCPsLayers(app)
    with mock.patch.object(server, "http_app", return_value=fastmcp):
        served = create_app(server, settings)
    _serve_in_lifespan(app, served)
    _insert_layer(
        app, Middleware(_ServerCoreLayer, served=served, path=streamable_http_path, fastmcp=fastmcp)
    )
    return True


def _settings(path: str, json_response: bool, idle_timeout_s: Any) -> ServerSettings | None:
    """Return server_core's settings for an app; None if it cannot serve its path."""
    if idle_timeout_s == "auto":
        idle_timeout_s = _DEFAULT_IDLE_TIMEOUT_S
    try:
        return ServerSettings(
            _env_file=None,  # type: ignore[call-arg]  # pydantic-settings' own argument
            path=path,
            json_response=json_response,
            session_idle_timeout_s=_NEVER_S if idle_timeout_s is None else idle_timeout_s,
            # FastMCP's own guard, if the app has one, is a layer before this one.
            allowed_hosts=["*"],
            allowed_origins=["*"],
        )
    except ValidationError:
        return None


class _FastMCPsLayers:
    """FastMCP's part of the app: like the app, but calling it leaves out the other layers."""

    def __init__(self, starlette: Starlette) -> None:
        self.app: ASGIApp | None = None
        self._starlette = starlette

    def __getattr__(self, name: str) -> Any:
        return getattr(self._starlette, name)

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: object) -> AsyncIterator[None]:
        """Do nothing: FastMCP's own lifespan has been entered already, see `_serve_in_lifespan`."""
        yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if self.app is None:
            raise RuntimeError("expected a request after the app has built its middleware stack")
        counts.reached_fastmcp += 1
        await self.app(scope, receive, send)


class _ServerCoreLayer:
    """server_core as a layer of the app."""

    def __init__(self, app: ASGIApp, *, served: ServedApp, path: str, fastmcp: _FastMCPsLayers) -> None:
        fastmcp.app = app
        self._app = app
        self._served = served
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http" or route_path(scope) != self._path:
            await self._app(scope, receive, send)
            return
        counts.requests += 1
        if scope["method"] == "POST":
            received = await receive()
            if await self._answer_immediately(scope, received, send):
                return
            receive = replay(received, receive)
        await self._served(scope, receive, send)

    async def _answer_immediately(self, scope: Scope, received: Message, send: Send) -> bool:
        """Answer as server_core's HTTP protocol does: outside of any task, in a context of its own."""
        calls = self._served.immediate_calls
        if calls is None or received["type"] != "http.request" or received.get("more_body", False):
            return False
        head = calls.admit(scope)
        if head is None:
            return False
        answered = functools.partial(calls.answer, head, received.get("body", b""))
        answer: Answer | None = await _outside_of_tasks(answered)
        if answer is None:
            return False
        session = [] if answer.session is None else [(b"mcp-session-id", answer.session)]
        headers = [
            *((b"content-type", b"application/json"), *session),
            (b"content-length", b"%d" % len(answer.body)),
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})
        return True


async def _outside_of_tasks(function: Callable[[], Any]) -> Any:
    """Return what a function returns when the event loop calls it."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[Any] = loop.create_future()

    def call() -> None:
        try:
            result.set_result(function())
        except Exception as error:  # noqa: BLE001 - raised again where it is awaited
            result.set_exception(error)

    loop.call_soon(call, context=contextvars.copy_context())
    return await result


def _serve_in_lifespan(app: Starlette, served: ServedApp) -> None:
    """Make server_core serve sessions while the app's lifespan lasts."""
    own_lifespan = app.router.lifespan_context

    @contextlib.asynccontextmanager
    async def lifespan(starlette: Any) -> AsyncIterator[Any]:
        async with own_lifespan(starlette) as state, served.lifespan():
            yield state

    app.router.lifespan_context = lifespan


def _insert_layer(app: Starlette, layer: Middleware) -> None:
    """Put a layer between FastMCP's middleware and that of others, once the app builds its stack.

    Not before: `app.user_middleware` stays as tests expect it, and middleware can still be added.
    """
    build = app.build_middleware_stack

    def build_with_layer() -> ASGIApp:
        middleware = list(app.user_middleware)
        own = [each for each in middleware if _is_fastmcps(each)]
        others = [each for each in middleware if not _is_fastmcps(each)]
        app.user_middleware = [*others, layer, *own]
        try:
            return build()
        finally:
            app.user_middleware = middleware

    app.build_middleware_stack = build_with_layer  # type: ignore[method-assign]


def _is_fastmcps(middleware: Middleware) -> bool:
    """Return whether FastMCP's app has this middleware behind its guard in every deployment."""
    kind: Any = middleware.cls
    module = getattr(kind, "__module__", "")
    return kind is http.RequestContextMiddleware or module.startswith(_AUTHORIZATION_MODULES)
