"""Asks for a page again and again over one connection, and says how long each answer took.

    python pinger.py HOST PORT PATH PAUSE_S

Prints a line once it has had an answer, goes on until its standard input is closed, and then prints the
latencies in seconds as JSON. It is a process of its own so that what its parent does never delays it.
"""

from __future__ import annotations

import json
import selectors
import sys
import time
from http.client import HTTPConnection


def main() -> None:
    """Command line."""
    host, port, path, pause_s = sys.argv[1:]
    connection = HTTPConnection(host, int(port))
    asked(connection, path)
    print("ready", flush=True)
    took_s: list[float] = []
    with selectors.DefaultSelector() as selector:
        selector.register(sys.stdin, selectors.EVENT_READ)
        while not selector.select(timeout=float(pause_s)):
            took_s.append(asked(connection, path))
    print(json.dumps(took_s))


def asked(connection: HTTPConnection, path: str) -> float:
    """Return how long an answer took, in seconds."""
    began = time.perf_counter()
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        sys.exit(f"{path} was answered {answer.status}")
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
