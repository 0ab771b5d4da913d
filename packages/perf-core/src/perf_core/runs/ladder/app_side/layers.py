"""The layers around a tool of a FastMCP app, from the bare function to the ASGI app."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
from collections.abc import Callable
from typing import Any

from .asgi import AsgiCaller, endpoint, http_app, lifespan
from .loading import AppError

Call = Callable[[], Any]


class Layers:
    """The calls of one tool, by the name of the layer through which they go.

    Each method returns a function that makes one call; it raises if there is no such layer or the call fails.
    """

    NAMES = ("function", "validation", "tool", "server", "session", "app")

    def __init__(self, app: Any, tool: str, arguments: dict[str, Any]) -> None:
        self._app = app
        self._name = tool
        self._arguments = arguments
        self._is_sdk = not hasattr(app, "http_app")
        self._open = contextlib.AsyncExitStack()
        self._holders: list[tuple[asyncio.Task[None], asyncio.Event]] = []

    async def close(self) -> None:
        """Leave what calls need."""
        for task, ending in reversed(self._holders):
            ending.set()
            with contextlib.suppress(Exception):
                await asyncio.wait_for(task, 5)

    async def _tool(self) -> Any:
        if self._is_sdk:
            tool = self._app._tool_manager.get_tool(self._name)
        else:
            tool = await self._app.get_tool(self._name)
        if tool is None:
            raise AppError(f"the app has no tool {self._name}")
        return tool

    async def function(self) -> Call:
        """Return the function itself, with arguments that are converted already."""
        fn = self._bare(await self._tool())
        args, kwargs = self._converted(fn)
        return functools.partial(fn, *args, **kwargs)

    async def validation(self) -> Call:
        """Return pydantic's validation of the arguments, which then calls the function."""
        from pydantic import TypeAdapter

        fn = self._bare(await self._tool())
        return functools.partial(TypeAdapter(fn).validate_python, self._arguments)

    def _bare(self, tool: Any) -> Any:
        fn = getattr(tool, "fn", None)
        if fn is None:
            raise AppError("the tool is no Python function")
        schema = getattr(tool, "parameters", None) or {}
        stated = set(schema.get("properties", {}))
        # In some releases what they inject has a default, which stands for it until a request comes.
        own = [
            name
            for name, each in inspect.signature(fn).parameters.items()
            if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
        ]
        if injected := [name for name in own if name not in stated]:
            raise AppError(f"only a request has what it takes as {', '.join(injected)}")
        return fn

    def _converted(self, fn: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        from pydantic import TypeAdapter

        seen: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

        @functools.wraps(fn)
        def note(*args: Any, **kwargs: Any) -> None:
            seen.append((args, kwargs))

        adapter: Any = TypeAdapter  # takes functions, too, which its type does not say
        adapter(note).validate_python(self._arguments)
        return seen[0]

    async def tool(self) -> Call:
        """Return the tool: validation, function and conversion of the result."""
        tool = await self._tool()
        if not self._is_sdk:
            return functools.partial(tool.run, self._arguments)
        return functools.partial(tool.run, self._arguments, self._sdk_context(), convert_result=True)

    def _sdk_context(self) -> Any:
        if hasattr(self._app, "get_context"):
            return self._app.get_context()
        from mcp.server.mcpserver import Context  # type: ignore[import-not-found, unused-ignore]

        return Context(mcp_server=self._app)

    async def server(self) -> Call:
        """Return the app's own method: lookup of the tool and middleware."""
        if hasattr(self._app, "call_tool"):
            return functools.partial(self._app.call_tool, self._name, self._arguments)
        if not hasattr(self._app, "_call_tool_middleware"):
            raise AppError("this release has no method for calls of tools")
        from fastmcp.server.context import Context  # type: ignore[import-not-found, unused-ignore]

        async def call() -> Any:  # FastMCP 2, whose app has no public method
            async with Context(fastmcp=self._app):
                return await self._app._call_tool_middleware(self._name, self._arguments)

        return call

    async def session(self) -> Call:
        """Return a client in memory: both ends of a session in this process."""
        client = await self._hold(self._client())
        return functools.partial(client.call_tool, self._name, self._arguments)

    def _client(self) -> Any:
        if not self._is_sdk:
            from fastmcp import Client  # type: ignore[import-not-found, unused-ignore]

            return Client(self._app)
        try:
            from mcp import Client as SdkClient  # type: ignore[attr-defined, unused-ignore]
        except ImportError:
            from mcp.shared.memory import (  # type: ignore[attr-defined, unused-ignore]
                create_connected_server_and_client_session,
            )

            return create_connected_server_and_client_session(self._app._mcp_server)
        return SdkClient(self._app)

    async def app(self) -> Call:
        """Return the ASGI app, called with scope, receive and send: all but sockets and uvicorn."""
        app = http_app(self._app)
        await self._hold(lifespan(app))
        caller = AsgiCaller(app, endpoint(app), self._name, self._arguments)
        await caller.open()
        return caller.call

    async def _hold(self, context: Any) -> Any:
        """Enter a context in a task of its own, where it is left as well: some insist on that."""
        entered: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        ending = asyncio.Event()

        async def hold() -> None:
            try:
                async with context as value:
                    entered.set_result(value)
                    await ending.wait()
            except Exception as error:
                if entered.done():
                    raise
                entered.set_exception(error)

        self._holders.append((asyncio.ensure_future(hold()), ending))
        return await entered
