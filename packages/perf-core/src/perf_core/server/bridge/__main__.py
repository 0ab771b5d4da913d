"""The command line of the bridge: ``python -m perf_core.server.bridge --ready-file FILE -- COMMAND …``."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perf_core.server.bridge import echo_child
from perf_core.server.bridge.child import Child, Environment
from perf_core.server.bridge.child_environment import child_environment
from perf_core.server.bridge.counts import Counts
from perf_core.server.bridge.http_connection import Connection, Head
from perf_core.server.bridge.launching import ANSWERS_VARIABLE, HTTP_URL_VARIABLE, SSE_URL_VARIABLE
from perf_core.server.bridge.legacy_sse import Address, LegacySse, address_of
from perf_core.server.bridge.pages import COUNTS_PATH, ECHO_PATH, MCP_PATH, PREPARE_PATH
from perf_core.server.bridge.process_groups import (
    Guard,
    adopt_orphans,
    kill_descendants,
    reap_orphans,
    start_guard,
)
from perf_core.server.bridge.replies import answers_from_json
from perf_core.server.bridge.server_log import ServerLog
from perf_core.server.bridge.service import Service
from perf_core.server.bridge.streamable_http import StreamableHttp
from perf_core.server.bridge.upstreams import Start
from perf_core.server.client.messages import CLIENT_INFO

_REAPING_S = 0.5
_BACKLOG = 1024
_FILES = 65_536


@dataclass(frozen=True)
class Options:
    """Options of the command line.

    Attributes:
        argv: Command of the server; empty with ``sse``.
        shared: Whether one child serves all sessions.
        sse: A server on the old transport instead of a child.
        http: A server on streamable HTTP instead of a child.
        term_grace_s: Time between SIGTERM and SIGKILL of a child.
        with_stdin: Whether the bridge ends with its standard input, which the lab holds open.
    """

    argv: tuple[str, ...]
    ready_file: Path | None
    shared: bool
    sse: Address | None
    http: Address | None
    term_grace_s: float
    with_stdin: bool


def main(arguments: list[str] | None = None) -> int:
    """Run the bridge until a signal, or the end of its standard input, and return its exit code."""
    options = _options(sys.argv[1:] if arguments is None else arguments)
    guard = start_guard()
    adopt_orphans()
    allow_many_files()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(options, guard))
    return 0


def _options(arguments: list[str]) -> Options:
    split = arguments.index("--") if "--" in arguments else len(arguments)
    parser = argparse.ArgumentParser(
        prog="python -m perf_core.server.bridge",
        description="Serve streamable HTTP on 127.0.0.1 for a server on standard input and output.",
        epilog="COMMAND and its arguments follow after --. It is started once for each session.",
    )
    parser.add_argument("--ready-file", type=Path, help='where to write {"url": …} once it listens')
    parser.add_argument("--shared", action="store_true", help="start COMMAND once, for all sessions")
    parser.add_argument("--sse", metavar="URL", help="a server on HTTP+SSE (2024-11-05) instead of COMMAND")
    parser.add_argument("--http", metavar="URL", help="a server on streamable HTTP instead of COMMAND")
    parser.add_argument("--ca-file", type=Path, help="certificates to trust besides those of the system")
    parser.add_argument("--insecure", action="store_true", help="accept any certificate")
    parser.add_argument(
        "--stop-timeout", type=float, default=2.0, metavar="S", help="seconds between SIGTERM and SIGKILL"
    )
    parser.add_argument("--with-stdin", action="store_true", help="end when standard input ends")
    parsed = parser.parse_args(arguments[:split])
    argv = tuple(arguments[split + 1 :])
    urls = {
        "--sse": parsed.sse or os.environ.get(SSE_URL_VARIABLE, ""),
        "--http": parsed.http or os.environ.get(HTTP_URL_VARIABLE, ""),
    }
    if bool(argv) + sum(map(bool, urls.values())) != 1:
        parser.error("expected either a COMMAND after -- or --sse URL or --http URL")
    addresses: dict[str, Address] = {}
    for name, url in urls.items():
        try:
            if url:
                addresses[name] = address_of(url, parsed.ca_file, insecure=parsed.insecure)
        except (ValueError, OSError) as error:
            parser.error(f"{name}: {error}")
    return Options(
        argv,
        parsed.ready_file,
        parsed.shared,
        addresses.get("--sse"),
        addresses.get("--http"),
        parsed.stop_timeout,
        parsed.with_stdin,
    )


def allow_many_files() -> None:
    """Raise the limit of open files as far as the system lets everybody, since each child takes four."""
    if sys.platform == "win32":
        return
    import resource  # POSIX only

    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = _FILES if most == resource.RLIM_INFINITY else min(most, _FILES)
    # macOS has a further limit, which the numbers do not show.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # there is none for Windows
        return None
    return uvloop.new_event_loop


class _Front:
    """Answers by path."""

    def __init__(self, services: Mapping[bytes, Service], page: Callable[[], Mapping[str, Any]]) -> None:
        self._services = services
        self._page = page

    def handle(self, connection: Connection, head: Head, body: bytes) -> None:
        service = self._services.get(head.path)
        if b"origin" in head.headers:
            # A page in a browser could otherwise call the tools (MCP specification, DNS rebinding).
            connection.respond(403, b'{"error": "expected a client that is no web page"}')
        elif service is not None:
            service.handle(connection, head, body)
        elif head.path == COUNTS_PATH.encode():
            connection.respond(200, json.dumps(self._page()).encode())
        elif head.path == PREPARE_PATH.encode():
            self._services[MCP_PATH.encode()].prepare(connection, body)
        else:
            connection.respond(404, b"")

    def disconnected(self, connection: Connection) -> None:
        for service in self._services.values():
            service.disconnected(connection)


async def _serve(options: Options, guard: Guard) -> None:
    loop = asyncio.get_running_loop()
    log, stopping = ServerLog(), asyncio.Event()
    _stop_on_signals(loop, stopping)
    if options.with_stdin:
        threading.Thread(target=_wait_for_stdin, args=(loop, stopping), daemon=True).start()
    answers = answers_from_json(os.environ.get(ANSWERS_VARIABLE, ""))
    environment = Environment(log, guard, options.term_grace_s, answers, child_environment(os.environ))
    counts, echo_counts = Counts(), Counts()
    services = {
        MCP_PATH.encode(): Service(
            _starter(options, environment, counts),
            shared=options.shared,
            # A connection to a server elsewhere has the credentials of its client.
            kept_client=CLIENT_INFO["name"] if options.argv and not options.shared else "",
        ),
        ECHO_PATH.encode(): Service(_echo_starter(environment, echo_counts), shared=False),
    }

    def page() -> dict[str, Any]:
        is_remote = not options.argv
        return {**counts.to_document(), "cpu_s": time.process_time(), "is_remote": is_remote}

    front = _Front(services, page)
    server = await loop.create_server(lambda: Connection(front), "127.0.0.1", 0, backlog=_BACKLOG)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{MCP_PATH}"
    log.note(f"listens at {url}")
    if options.ready_file is not None:
        _write_ready_file(options.ready_file, url)
    reaping = loop.create_task(_reap(environment))
    await stopping.wait()
    server.close()
    await asyncio.gather(*(service.close() for service in services.values()))
    reaping.cancel()
    kill_descendants()
    log.note("stopped")
    log.flush()


def _starter(options: Options, environment: Environment, counts: Counts) -> Start:
    sse, http = options.sse, options.http

    async def start_child(_headers: Mapping[bytes, bytes]) -> Child:
        return await Child.start(options.argv, environment, counts, unique_ids=options.shared)

    async def open_stream(headers: Mapping[bytes, bytes]) -> LegacySse:
        assert sse is not None, "only used with --sse"  # noqa: S101
        return await LegacySse.start(sse, headers, environment.log, counts, environment.answers)

    async def open_session(headers: Mapping[bytes, bytes]) -> StreamableHttp:
        assert http is not None, "only used with --http"  # noqa: S101
        return StreamableHttp(http, headers, environment.log, counts, environment.answers)

    if http is not None:
        return open_session
    return start_child if sse is None else open_stream


def _echo_starter(environment: Environment, counts: Counts) -> Start:
    async def start(_headers: Mapping[bytes, bytes]) -> Child:
        return await Child.start(echo_child.ARGV, environment, counts, name="echo")

    return start


async def _reap(environment: Environment) -> None:
    while True:
        await asyncio.sleep(_REAPING_S)
        if not environment.starting:
            reap_orphans(environment.pids)


def _write_ready_file(path: Path, url: str) -> None:
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(json.dumps({"url": url}), encoding="utf-8")
    partial.replace(path)


def _stop_on_signals(loop: asyncio.AbstractEventLoop, stopping: asyncio.Event) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stopping.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stopping.set))


def _wait_for_stdin(loop: asyncio.AbstractEventLoop, stopping: asyncio.Event) -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    # The loop may have been closed meanwhile.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(stopping.set)


if __name__ == "__main__":
    sys.exit(main())
