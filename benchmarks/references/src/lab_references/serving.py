"""What the Python references share: their command line, their socket, their ready file, and the burn."""

from __future__ import annotations

import argparse
import json
import os
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Options:
    """How a reference was asked to run.

    Attributes:
        port: Port on loopback; 0 takes a free one.
        ready_file: Where to tell the URL; None tells nobody.
        burn_us: CPU time, in µs, that each tool call wastes.
    """

    port: int
    ready_file: Path | None
    burn_us: int


def parse_options(description: str, arguments: Sequence[str] | None = None) -> Options:
    """Read the command line; a wrong one ends the process with exit code 2, as argparse does.

    Args:
        description: Shown by ``--help``.
        arguments: Command line without the program's name; ``sys.argv[1:]`` when None.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--port", type=int, default=0, help="port on loopback; 0 takes a free one")
    parser.add_argument("--ready-file", type=Path, help='file to write {"url": …} to')
    parser.add_argument("--burn-us", type=_microseconds, default=0, help="CPU time wasted per tool call, µs")
    parsed = parser.parse_args(arguments)
    return Options(parsed.port, parsed.ready_file, parsed.burn_us)


def _microseconds(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"a whole number of µs, 0 or more, was expected; {text!r} came")
    return int(text)


def listen(options: Options) -> socket.socket:
    """Listen on loopback and write the ready file: from here on connections wait, none is refused."""
    # The protocol is named because asyncio turns Nagle's algorithm off only where it reads TCP: without it an
    # answer in two writes takes 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, options.port))
    listener.listen(2048)
    if options.ready_file is not None:
        url = f"http://{HOST}:{listener.getsockname()[1]}/mcp"
        # Written whole under another name: a reader finds all of it or none.
        draft = options.ready_file.with_name(f"{options.ready_file.name}.{os.getpid()}.tmp")
        draft.write_text(json.dumps({"url": url, "pid": os.getpid()}), encoding="utf-8")
        draft.replace(options.ready_file)
    return listener


def burn(burn_us: int) -> None:
    """Spend ``burn_us`` µs of CPU time in this thread, however long that takes by the clock.

    Windows counts a thread's CPU time in steps of 15.6 ms: calibrate elsewhere.
    """
    if burn_us:
        end_ns = time.thread_time_ns() + burn_us * 1000
        while time.thread_time_ns() < end_ns:
            pass
