"""The server of `served_app.py` with middleware and a route of its own."""

from __future__ import annotations

import sys
from typing import Any

from served_app import Settings, create_server
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from server_core import main


class Stamp:
    """Adds a header to each response."""

    def __init__(self, app: ASGIApp, *, text: str) -> None:
        self._app = app
        self._header = (b"x-stamp", text.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def stamped(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), self._header]}
            await send(message)

        await self._app(scope, receive, stamped)


async def hello(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"hello {request.path_params['name']}")


if __name__ == "__main__":
    sys.exit(
        main(
            create_server,
            Settings,
            middleware=[Middleware(Stamp, text="outer"), Middleware(Stamp, text="inner")],
            routes=[Route("/hello/{name}", hello)],
        )
    )
