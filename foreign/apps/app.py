"""A small MCP server on whatever SDK is installed: FastMCP 2 to 4, or the SDK's own FastMCP from 1.9 on.

    python app.py --port 8000 [--transport sse] [--stateless] [--api-key-env NAME] [--oauth]
                  [--certificate FILE --key FILE]

The tool without ``readOnlyHint`` writes a line into the file of the environment variable FOREIGN_WRITES, so
that a call without permission is noticed.
"""

# No "from __future__ import annotations": FastMCP 2.3 cannot resolve annotations that are texts.
import argparse
import os
import time
from pathlib import Path
from typing import Any, Literal

import uvicorn

try:
    from fastmcp import FastMCP
except ImportError:
    from mcp.server.fastmcp import FastMCP  # type: ignore[no-redef] # the SDK's own

CITIES = {"Erlangen": 110_000, "London": 8_900_000, "Stockholm": 990_000}


def add(a: int, b: int) -> int:
    """Add two integers."""
    return a + b


def greet(name: str = "Ada") -> str:
    """Greet a person."""
    return f"Good morning, {name}!"


def cities() -> list[dict[str, Any]]:
    """List the cities with their number of inhabitants."""
    return [{"city": city, "inhabitants": count} for city, count in CITIES.items()]


def weather(city: Literal["Erlangen", "London", "Stockholm"]) -> dict[str, Any]:
    """Return the weather of a city, with the time of the answer."""
    return {"city": city, "sky": "cloudy", "asked_at": time.time()}


def remove_city(city: str) -> str:
    """Remove a city for ever."""
    if os.environ.get("FOREIGN_WRITES"):
        with Path(os.environ["FOREIGN_WRITES"]).open("a", encoding="utf-8") as file:
            file.write(f"remove_city {city}\n")
    return f"removed {city}"


def build(name: str, **settings: Any) -> Any:
    """Return the server with its tools."""
    from mcp.types import ToolAnnotations

    server = FastMCP(name, **settings)
    for function in (add, greet, cities, weather):
        server.tool(annotations=ToolAnnotations(readOnlyHint=True))(function)
    # No hint at all, as most servers have it.
    server.tool()(remove_city)
    return server


def asgi(server: Any, transport: str) -> Any:
    """Return the ASGI app of a server; the SDKs call its factory differently."""
    if hasattr(server, "http_app"):
        return server.http_app(transport="sse" if transport == "sse" else "streamable-http")
    return server.sse_app() if transport == "sse" else server.streamable_http_app()


class ApiKey:
    """ASGI middleware that refuses requests without the right ``X-API-Key``."""

    def __init__(self, app: Any, key: str) -> None:
        self._app = app
        self._key = key.encode()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on, or answer 401."""
        if scope["type"] != "http" or dict(scope["headers"]).get(b"x-api-key") == self._key:
            await self._app(scope, receive, send)
            return
        headers = [(b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": 401, "headers": headers})
        await send({"type": "http.response.body", "body": b"X-API-Key is missing or wrong"})


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--transport", choices=("http", "sse"), default="http")
    parser.add_argument("--stateless", action="store_true", help="open no sessions")
    parser.add_argument("--api-key-env", help="environment variable with the key that clients must send")
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--oauth", action="store_true", help="ask for tokens, and give them out")
    options = parser.parse_args()
    if options.oauth:
        from oauth import protected_app

        app = protected_app(build, f"http://127.0.0.1:{options.port}")
    else:
        settings = {"stateless_http": True} if options.stateless else {}
        app = asgi(build("cities", **settings), options.transport)
    if options.api_key_env:
        app = ApiKey(app, os.environ[options.api_key_env])
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=options.port,
        log_level="warning",
        ssl_certfile=options.certificate,
        ssl_keyfile=options.key,
    )


if __name__ == "__main__":
    main()
