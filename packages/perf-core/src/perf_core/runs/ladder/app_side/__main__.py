"""Answers the lab's requests about an app: lines of JSON on standard input, each with one on standard output.

What the app prints goes to standard error. The process ends when its input does.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import threading
import traceback
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from .asgi import endpoint, http_app
from .loading import AppError, load_app
from .timing import Commands

_KEEP_ALIVE_S = 3600
"""Between two rounds the one client may be silent for long."""

DISTRIBUTIONS = ("fastmcp", "mcp", "pydantic", "uvicorn", "uvloop")


def versions() -> dict[str, str]:
    """Return the versions of the packages that make up the layers."""
    installed = {}
    for name in DISTRIBUTIONS:
        with contextlib.suppress(PackageNotFoundError):
            installed[name] = version(name)
    return installed


def new_loop() -> asyncio.AbstractEventLoop:
    """Return the kind of event loop that uvicorn chooses."""
    try:
        import uvloop  # type: ignore[import-not-installed, unused-ignore]
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


def answer_commands(app: Any, say: Callable[[Any], None]) -> None:
    """Answer requests until the input ends."""
    loop = new_loop()
    asyncio.set_event_loop(loop)
    commands = Commands(app)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            say(loop.run_until_complete(getattr(commands, request.pop("do"))(**request)))
        except Exception as error:  # noqa: BLE001 - an app may raise anything
            say({"error": f"{type(error).__name__}: {error}"})
    loop.run_until_complete(commands.close())


def serve(app: Any, say: Callable[[Any], None]) -> None:
    """Serve the app over HTTP on a free port until the input ends."""
    import uvicorn  # type: ignore[import-not-installed, unused-ignore]

    asgi = http_app(app)
    config = uvicorn.Config(
        asgi,
        host="127.0.0.1",
        port=0,
        log_level="warning",
        lifespan="on",
        timeout_keep_alive=_KEEP_ALIVE_S,
    )

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets=sockets)
            if self.started:
                port = self.servers[0].sockets[0].getsockname()[1]
                say({"port": port, "path": endpoint(asgi)})

    server = Server(config)

    def end() -> None:
        sys.stdin.read()
        server.should_exit = True

    threading.Thread(target=end, daemon=True).start()
    server.run()


def main() -> int:
    """Load the app and do what the first argument says."""
    where = json.loads(sys.argv[1])
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(answer: Any) -> None:
        output.write(json.dumps(answer) + "\n")
        output.flush()

    try:
        app = load_app(where)
    except AppError as error:
        say({"error": str(error)})
        return 1
    except BaseException as error:  # noqa: BLE001 - importing an app may raise anything, or exit
        traceback.print_exc()
        say({"error": f"importing the app raised {type(error).__name__}: {error}"})
        return 1
    if where["serves"]:
        serve(app, say)
        return 0
    say({"name": str(getattr(app, "name", "")), "python": sys.version.split()[0], "versions": versions()})
    answer_commands(app, say)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
