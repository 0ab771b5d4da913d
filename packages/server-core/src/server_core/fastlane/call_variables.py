"""The context variables that FastMCP sets for a call, set for calls on the lane as well.

Whatever a tool asks while it runs is then true: its HTTP request and headers, access token, server, context,
session id and request id. Hardly any tool on the lane asks, so nearly everything is made when it is first
read; setting the variables costs about a microsecond.

For a closed tool, which cannot ask unless somebody has replaced its code, even that is saved: calls outside
of tasks run in a context whose variables look up the call in progress when they are read.
"""

from __future__ import annotations

import asyncio
import weakref
from contextvars import Token
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from fastmcp import FastMCP
from fastmcp.server.context import Context
from fastmcp.server.dependencies import FastMCPRequestContext, fastmcp_request_ctx
from mcp.server.auth.middleware.auth_context import auth_context_var
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.connection import Connection
from mcp.server.context import ServerRequestContext
from mcp.server.session import ServerSession
from mcp.shared.message import ServerMessageMetadata
from mcp.shared.transport_context import TransportContext
from mcp_types import (
    CLIENT_CAPABILITIES_META_KEY,
    CLIENT_INFO_META_KEY,
    InitializeRequestParams,
    RequestParams,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError
from pydantic_core import from_json
from starlette.requests import Request
from starlette.types import Message, Scope

from server_core.callers import Caller, lane_caller
from server_core.fastlane.request_recognition import ToolCall
from server_core.fastlane.trace_context import attach_caller_trace
from server_core.layers.body_limit import replay
from server_core.sdk.header_whitespace import strip_header_whitespace
from server_core.sdk.internals import (
    SingleExchangeContext,
    current_context,
    current_server,
    current_transport,
)

_TRANSPORT: Final = "streamable-http"

Tokens = tuple[Token[Any], ...]


class NoChannelError(RuntimeError):
    """A tool on the lane tried to send its client a message beside its result."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"expected a plain tool to send nothing but its result, got {what}: "
            "declare a parameter of type Context, so that FastMCP serves the tool"
        )


@dataclass(slots=True)
class CallRequest:
    """The request that a call came in.

    Attributes:
        scope: The HTTP request; one with the same headers, except for the length of the body, will do.
        params: The parameters of ``tools/call`` as the client sent them.
        initialize_params: The session's ``initialize``, as JSON; None if it is not known here.
    """

    scope: Scope
    body: bytes
    params: Any
    version: str
    caller: Caller
    initialize_params: bytes | None = None


class CallVariables:
    """Sets an app's context variables for a call.

    Attributes:
        json_response: Whether responses are never streams.
        http_app: FastMCP's ASGI app, None before it is served.
        lifespan_state: What the lifespan of the low-level server yielded.
    """

    def __init__(self, mcp: FastMCP[Any], *, json_response: bool) -> None:
        self.json_response = json_response
        self.http_app: Any = None
        self.lifespan_state: Any = None
        self._mcp = mcp
        self._server = weakref.ref(mcp)
        self._in_progress = CallInProgress(self)
        self._request_in_progress = _CurrentRequestContext(self._in_progress)
        self._context_in_progress = _CurrentContext(mcp, self._in_progress)
        self._user_in_progress: Any = _CurrentUser(self._in_progress)

    def set_for_calls_in_progress(self) -> None:
        """Set the variables of a context for all calls that `begin` announces."""
        fastmcp_request_ctx.set(self._request_in_progress)
        current_context.set(self._context_in_progress)
        current_server.set(self._server)
        current_transport.set(_TRANSPORT)
        auth_context_var.set(self._user_in_progress)

    def begin(self, request: CallRequest, call: ToolCall) -> None:
        """Let the variables tell of a call that runs outside of any task, without a pause, until `end`."""
        self._in_progress.begin(request, call)

    def end(self) -> None:
        """Undo `begin`."""
        self._in_progress.end()

    def set(self, request: CallRequest, call: ToolCall) -> Tokens:
        """Set the variables; `reset` must follow in the same context."""
        tokens: Tokens = (
            fastmcp_request_ctx.set(_LazyRequestContext(self, request, call)),
            current_context.set(Context(self._mcp)),
            current_server.set(self._server),
            current_transport.set(_TRANSPORT),
            lane_caller.set(request.caller),
        )
        trace = attach_caller_trace(call.meta)
        if trace is not None:
            tokens = (*tokens, trace)
        user = request.scope.get("user")
        return (*tokens, auth_context_var.set(user)) if isinstance(user, AuthenticatedUser) else tokens

    @staticmethod
    def reset(tokens: Tokens) -> None:
        """Undo `set`."""
        for token in tokens:
            token.var.reset(token)


class _LazyRequestContext(FastMCPRequestContext):
    """FastMCP's view of a request, each part made when it is first read."""

    def __init__(self, app: CallVariables, request: CallRequest, call: ToolCall) -> None:
        # Not the fields of the dataclass: they are the properties below.
        self._app = app
        self._request = request
        self._call = call

    @property
    def protocol_version(self) -> str:  # type: ignore[override]
        return self._request.version

    @property
    def close_sse_stream(self) -> None:  # type: ignore[override]
        return None

    @property
    def lifespan_context(self) -> Any:
        return self._app.lifespan_state

    @cached_property
    def request_id(self) -> str:  # type: ignore[override]
        return str(from_json(self._call.id_json))

    @cached_property
    def meta(self) -> dict[str, Any] | None:  # type: ignore[override]
        return None if self._call.meta is None else dict(self._call.meta)

    @cached_property
    def request(self) -> Request:  # type: ignore[override]
        body = self._request.body
        scope = strip_header_whitespace(self._request.scope)
        headers = [
            (name, b"%d" % len(body) if name == b"content-length" else value)
            for name, value in scope["headers"]
        ]
        own = {"headers": headers, "state": dict(scope.get("state") or {}), "path_params": {}}
        app = {} if self._app.http_app is None else {"app": self._app.http_app}
        message = {"type": "http.request", "body": body, "more_body": False}
        return Request({**scope, **own, **app}, replay(message, _never))

    @cached_property
    def session(self) -> ServerSession:  # type: ignore[override]
        return ServerSession(self._exchange, self._connection, request_meta=self._typed_meta)

    @cached_property
    def _srctx(self) -> ServerRequestContext[Any, Any]:  # type: ignore[override]
        return ServerRequestContext(
            session=self.session,
            lifespan_context=self.lifespan_context,
            protocol_version=self.protocol_version,
            method="tools/call",
            params=self._request.params,
            request_id=from_json(self._call.id_json),
            meta=self._typed_meta,
            request=self.request,
        )

    @cached_property
    def _typed_meta(self) -> Any:
        if self._call.meta is None:
            return None
        try:
            return RequestParams.model_validate(self._request.params, by_name=False).meta
        except ValidationError:
            return None

    @property
    def _exchange(self) -> Any:
        exchange = SingleExchangeContext if self._app.json_response else _StreamedExchange
        return exchange(
            transport=TransportContext(kind=_TRANSPORT, can_send_request=False, headers=self.request.headers),
            request_id=from_json(self._call.id_json),
            message_metadata=ServerMessageMetadata(request_context=self.request),
            progress_token=(self._call.meta or {}).get("progressToken"),
        )

    @property
    def _connection(self) -> Connection:
        request = self._request
        if request.version in MODERN_PROTOCOL_VERSIONS:
            meta = self._call.meta or {}
            info, capabilities = meta.get(CLIENT_INFO_META_KEY), meta.get(CLIENT_CAPABILITIES_META_KEY)
            return Connection.from_envelope(request.version, info, capabilities)
        params = request.initialize_params
        connection = Connection(
            _SessionChannel(),
            protocol_version=request.version,
            session_id=request.caller.session,
            client_params=None if params is None else InitializeRequestParams.model_validate_json(params),
        )
        connection.initialized.set()
        return connection


class CallInProgress:
    """The call that is being made outside of any task, if there is one; nothing else runs meanwhile.

    Attributes:
        state: What FastMCP's context keeps for the call.
    """

    def __init__(self, app: CallVariables) -> None:
        self.state: dict[str, Any] = {}
        self._app = app
        self._request: CallRequest | None = None
        self._call: ToolCall | None = None
        self._context: _LazyRequestContext | None = None

    def begin(self, request: CallRequest, call: ToolCall) -> None:
        """Begin a call."""
        self._request, self._call = request, call

    def end(self) -> None:
        """End the call."""
        self._request = self._call = None
        if self._context is not None or self.state:
            self._context, self.state = None, {}

    def context(self) -> _LazyRequestContext | None:
        """Return FastMCP's view of the call's request; None between calls."""
        if self._context is None and self._request is not None and self._call is not None:
            self._context = _LazyRequestContext(self._app, self._request, self._call)
        return self._context


_CONTEXT_FIELDS: Final = frozenset(FastMCPRequestContext.__dataclass_fields__)


class _CurrentRequestContext(FastMCPRequestContext):
    """FastMCP's view of the request in progress; between calls there is no HTTP request."""

    def __init__(self, current: CallInProgress) -> None:
        # Not the fields of the dataclass: they are looked up below.
        self._current = current

    def __getattr__(self, name: str) -> Any:
        if name not in _CONTEXT_FIELDS:
            raise AttributeError(name)
        context = self._current.context()
        if context is None and name != "request":
            raise RuntimeError("No active context found.")
        return None if context is None else getattr(context, name)


class _CurrentContext(Context):
    """FastMCP's context of the call in progress, which keeps nothing for the next one."""

    def __init__(self, mcp: FastMCP[Any], current: CallInProgress) -> None:
        self._current = current
        super().__init__(mcp)

    @property
    def _request_state(self) -> dict[str, Any]:
        return self._current.state

    @_request_state.setter
    def _request_state(self, _state: dict[str, Any]) -> None:
        """Ignore the state that every context begins with."""


class _CurrentUser:
    """The authenticated user of the call in progress; false if there is none."""

    def __init__(self, current: CallInProgress) -> None:
        self._current = current

    def __bool__(self) -> bool:
        return self._user() is not None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._user(), name)

    def _user(self) -> AuthenticatedUser | None:
        context = self._current.context()
        user = None if context is None else context.request.scope.get("user")
        return user if isinstance(user, AuthenticatedUser) else None


class _SessionChannel:
    """A session's channel to its client beside the request, which calls on the lane have not."""

    async def send_raw_request(self, method: str, _params: Any, _options: Any = None) -> dict[str, Any]:
        raise NoChannelError(method)

    async def notify(self, method: str, _params: Any, _options: Any = None) -> None:
        raise NoChannelError(method)


class _StreamedExchange(SingleExchangeContext):  # type: ignore[misc] # a private class of the SDK
    """The exchange of a request that FastMCP could answer with a stream of messages.

    With JSON responses the SDK drops messages beside the result, and so does its own class.
    """

    send_raw_request = _SessionChannel.send_raw_request
    notify = _SessionChannel.notify


async def _never() -> Message:
    return await asyncio.Event().wait()  # type: ignore[return-value]
