"""An MCP server of known behaviour, with faults on demand; it needs only the standard library.

    python truth/faulty_server.py (--port N | --ready-file PATH) [--truth-file PATH] [NAME=VALUE ...]

It speaks both wires: sessions (revision 2025-11-25) and the stateless one (2026-07-28). Tools: ``add`` (a,
b), ``echo`` (text) and ``fail``, which answers with ``isError``. :mod:`modes` lists the faults, which can be
combined: ``latency_ms=20 wrong_every=50``. The server keeps its own account of what it did: ``GET /truth``
returns it, and with ``--truth-file`` it is appended to that file when the server ends.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import time
from pathlib import Path
from typing import Any

from faults import App
from modes import Modes, parse_modes
from wire import Connection

TICK_S = 0.1


async def serve(listener: socket.socket, modes: Modes, truth_file: Path | None) -> None:
    """Serve until SIGTERM, or until the time of a restart."""
    app = App(modes, truth_file)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    tasks = [asyncio.create_task(_accept(listener, app)), asyncio.create_task(_pass_time(app))]
    await stop.wait()
    for task in tasks:
        task.cancel()
    app.write_truth()


async def _accept(listener: socket.socket, app: App) -> None:
    """Accept connections, pausing between them if the server is slow at it."""
    loop = asyncio.get_running_loop()
    pause_s = app.modes.accept_pause_ms / 1000
    if not pause_s:
        server = await loop.create_server(lambda: Connection(app), sock=listener, backlog=app.modes.backlog)
        await server.serve_forever()
    while True:
        connection, _ = await loop.sock_accept(listener)
        await loop.connect_accepted_socket(lambda: Connection(app), connection)
        await asyncio.sleep(pause_s)


async def _pass_time(app: App) -> None:
    """Do what depends on time: losses, freezes, and the death of a supervised child."""
    modes = app.modes
    began = time.monotonic()
    next_freeze_s = modes.freeze_every_s
    while True:
        await asyncio.sleep(TICK_S)
        now = time.monotonic()
        app.losses.tick(now - began)
        began = now
        elapsed_s = app.behaviour.elapsed_s()
        if modes.freeze_s and elapsed_s >= next_freeze_s:
            time.sleep(modes.freeze_s)  # noqa: ASYNC251 - the whole process stands still
            next_freeze_s += modes.freeze_every_s
        if 0 < modes.restart_at_s <= elapsed_s:
            app.write_truth()
            os._exit(3)


def supervise(listener: socket.socket, modes: Modes, truth_file: Path | None) -> None:
    """Keep one serving child; a child that dies is replaced by one that lives."""
    child = 0
    stopping = False

    def stop(_number: int, _frame: Any) -> None:
        nonlocal stopping
        stopping = True
        os.kill(child, signal.SIGTERM)

    while not stopping:
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            asyncio.run(serve(listener, modes, truth_file))
            os._exit(0)
        signal.signal(signal.SIGTERM, stop)
        os.waitpid(child, 0)
        modes = parse_modes([word for word in modes.words() if not word.startswith("restart_at_s=")])


def main() -> None:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ready-file", type=Path)
    parser.add_argument("--truth-file", type=Path)
    parser.add_argument("modes", nargs="*", metavar="NAME=VALUE")
    options = parser.parse_args()
    try:
        modes = parse_modes(options.modes)
    except ValueError as error:
        parser.error(str(error))
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", options.port))
    listener.listen(modes.backlog)
    listener.setblocking(False)
    url = modes.foreign_url or f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
    if options.ready_file:
        partial = options.ready_file.with_suffix(".partial")
        partial.write_text(json.dumps({"url": url}), encoding="utf-8")
        partial.replace(options.ready_file)
    print(url, flush=True)
    if modes.restart_at_s:
        supervise(listener, modes, options.truth_file)
    else:
        asyncio.run(serve(listener, modes, options.truth_file))


if __name__ == "__main__":
    main()
