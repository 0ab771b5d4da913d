"""Command line, socket, ready file and handicap of the reference servers in Python."""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Handicap:
    """Slowness and wrong answers of known size, to calibrate comparisons.

    Attributes:
        burn_us: Additional CPU time of each tool call, in µs.
        slow_share: Share of the tool calls that wait, without using CPU time.
        slow_us: How long they wait, in µs.
        wrong_share: Share of the results that are one too high.
    """

    burn_us: int = 0
    slow_share: float = 0.0
    slow_us: int = 0
    wrong_share: float = 0.0

    def delay(self) -> None:
        """Spend the additional time of one tool call."""
        burn(self.burn_us)
        if self.slow_share and random.random() < self.slow_share:
            time.sleep(self.slow_us / 1e6)

    def result(self, number: float) -> float:
        """Return the result of one tool call, now and then a wrong one."""
        is_wrong = self.wrong_share and random.random() < self.wrong_share
        return number + 1 if is_wrong else number

    def arguments(self) -> tuple[str, ...]:
        """Return the arguments of a server's command line that set this handicap."""
        values = {
            "--burn-us": self.burn_us,
            "--slow-share": self.slow_share,
            "--slow-us": self.slow_us,
            "--wrong-share": self.wrong_share,
        }
        return tuple(word for name, value in values.items() if value for word in (name, f"{value:g}"))


NO_HANDICAP = Handicap()


@dataclass(frozen=True)
class Options:
    """Options of a reference server.

    Attributes:
        port: Port on loopback; 0 picks a free one.
        ready_file: File that the URL is written to, if any.
        handicap: Slowness and wrong answers of known size.
    """

    port: int
    ready_file: Path | None
    handicap: Handicap = field(default=NO_HANDICAP)


def parse_options(description: str, arguments: Sequence[str] | None = None) -> Options:
    """Parse the command line; an invalid one ends the process with exit code 2, as usual with argparse.

    Args:
        description: Description for ``--help``.
        arguments: Command line without the program's name; ``sys.argv[1:]`` by default.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--port", type=int, default=0, help="port on loopback; 0 picks a free one")
    parser.add_argument("--ready-file", type=Path, help='file to write {"url": …} to')
    parser.add_argument(
        "--burn-us", type=_microseconds, default=0, help="additional CPU time per tool call in µs"
    )
    parser.add_argument(
        "--slow-share", type=_share, default=0.0, help="share of the tool calls that wait, 0 to 1"
    )
    parser.add_argument("--slow-us", type=_microseconds, default=0, help="how long they wait, in µs")
    parser.add_argument(
        "--wrong-share", type=_share, default=0.0, help="share of the results that are wrong, 0 to 1"
    )
    parsed = parser.parse_args(arguments)
    handicap = Handicap(parsed.burn_us, parsed.slow_share, parsed.slow_us, parsed.wrong_share)
    return Options(parsed.port, parsed.ready_file, handicap)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"expected a share from 0 to 1, got {text!r}")
    return share


def _microseconds(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"expected a whole number of µs, 0 or more, got {text!r}")
    return int(text)


def listen(options: Options) -> socket.socket:
    """Listen on loopback and write the ready file; from now on, connections wait and none is refused."""
    # asyncio turns Nagle's algorithm off only if the socket's protocol is TCP. With the algorithm, a response
    # in two writes takes 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if os.name == "posix":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, options.port))
    listener.listen(2048)
    if options.ready_file is not None:
        url = f"http://{HOST}:{listener.getsockname()[1]}/mcp"
        # Written under another name and renamed, so that a reader never sees half of it.
        draft = options.ready_file.with_name(f"{options.ready_file.name}.{os.getpid()}.tmp")
        draft.write_text(json.dumps({"url": url, "pid": os.getpid()}), encoding="utf-8")
        draft.replace(options.ready_file)
    return listener


def burn(burn_us: int) -> None:
    """Spend ``burn_us`` µs of CPU time in this thread, whatever the wall time.

    Windows counts a thread's CPU time in steps of 15.6 ms, so calibrate on another system.
    """
    if burn_us:
        end_ns = time.thread_time_ns() + burn_us * 1000
        while time.thread_time_ns() < end_ns:
            pass
