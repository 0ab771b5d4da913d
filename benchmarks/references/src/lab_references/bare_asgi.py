"""Arithmetic over MCP as a bare ASGI app: the minimum cost of HTTP and JSON.

It checks no headers, sessions, versions or schemas. A request that it cannot read raises an exception, which
uvicorn logs and answers with status 500.
"""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import uvicorn

from lab_references import __version__
from lab_references.serving import NO_HANDICAP, Handicap, listen, parse_options

NAME = "reference-asgi"

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_OPERATIONS: dict[str, Callable[[float, float], float]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
}
_NUMBER = {"type": "number"}
_TOOLS = [
    {
        "name": name,
        "description": f"{name.capitalize()} two numbers.",
        "inputSchema": {"type": "object", "properties": {"a": _NUMBER, "b": _NUMBER}, "required": ["a", "b"]},
        "outputSchema": {"type": "object", "properties": {"result": _NUMBER}, "required": ["result"]},
    }
    for name in _OPERATIONS
]
_INFO = {"name": NAME, "version": __version__}
_META = {"io.modelcontextprotocol/serverInfo": _INFO}
_CAPABILITIES: dict[str, Any] = {"tools": {}}
# Clients of the older revision ignore members that they do not know, so one answer serves both wires.
_RESULTS: dict[str, Any] = {
    "initialize": {"protocolVersion": "2025-11-25", "capabilities": _CAPABILITIES, "serverInfo": _INFO},
    "ping": {},
    "server/discover": {
        "supportedVersions": ["2026-07-28"],
        "capabilities": _CAPABILITIES,
        "resultType": "complete",
        "ttlMs": 0,
        "cacheScope": "private",
        "_meta": _META,
    },
    "tools/list": {
        "tools": _TOOLS,
        "resultType": "complete",
        "ttlMs": 0,
        "cacheScope": "private",
        "_meta": _META,
    },
}


def result_of(tool: str, a: float, b: float, handicap: Handicap = NO_HANDICAP) -> str:
    """Return the result of a tool call as JSON text; without a finite result, ``isError`` is true."""
    try:
        number = handicap.result(float(_OPERATIONS[tool](a, b)))
    except KeyError:
        return _error(f"There is no tool {tool!r}.")
    except ZeroDivisionError:
        return _error("Division by zero has no result.")
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        return _error("The result is not a finite 64-bit float.")
    # The repr of a finite float is JSON.
    return (
        f'{{"content":[{{"text":"{{\\"result\\":{number!r}}}","type":"text"}}],"isError":false,'
        f'"resultType":"complete","structuredContent":{{"result":{number!r}}}}}'
    )


def _error(text: str) -> str:
    content = [{"text": text, "type": "text"}]
    return json.dumps({"content": content, "isError": True, "resultType": "complete"})


def answer(message: Any, handicap: Handicap = NO_HANDICAP) -> str | None:
    """Return the answer to a JSON-RPC message as JSON text; None for a notification."""
    if "id" not in message:
        return None
    method = message["method"]
    start = f'{{"jsonrpc":"2.0","id":{json.dumps(message["id"])},'
    if method == "tools/call":
        handicap.delay()
        params = message["params"]
        arguments = params["arguments"]
        return f'{start}"result":{result_of(params["name"], arguments["a"], arguments["b"], handicap)}}}'
    if method in _RESULTS:
        return f'{start}"result":{json.dumps(_RESULTS[method])}}}'
    return f'{start}"error":{{"code":-32601,"message":"Method not found"}}}}'


_JSON = (b"content-type", b"application/json")


class BareApp:
    """The ASGI app.

    Args:
        handicap: Slowness and wrong answers of known size.
    """

    def __init__(self, handicap: Handicap = NO_HANDICAP) -> None:
        self._handicap = handicap

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one HTTP request: POST a message."""
        if scope["method"] != "POST":
            await _send(send, 405, b"")
            return
        message = json.loads(await _body(receive))
        text = answer(message, self._handicap)
        # No session ids, which MCP allows: there is no state to keep.
        await _send(send, 202 if text is None else 200, b"" if text is None else text.encode())


async def _body(receive: Receive) -> bytes:
    event = await receive()
    body: bytes = event.get("body", b"")
    while event.get("more_body"):
        event = await receive()
        body += event.get("body", b"")
    return body


async def _send(send: Send, status: int, body: bytes) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [_JSON, length]})
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    """Serve until a signal arrives."""
    options = parse_options(__doc__)
    with listen(options) as listener:
        config = uvicorn.Config(
            BareApp(options.handicap),
            http="httptools",  # uvloop is uvicorn's own choice wherever it is installed
            ws="none",
            lifespan="off",
            access_log=False,
            log_level="warning",
            proxy_headers=False,
            timeout_keep_alive=75,  # the default of 5 s would close connections during think time
        )
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
