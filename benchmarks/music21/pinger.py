"""Request a page repeatedly over one connection and print the latencies.

    python pinger.py HOST PORT PATH PAUSE_S

Prints `ready` after the first answer, continues until its standard input is closed, and then prints the
latencies in seconds as JSON. It is a separate process so that its parent's work cannot delay it.
"""

from __future__ import annotations

import json
import selectors
import sys
import time
from http.client import HTTPConnection


def main() -> None:
    """Run the command line."""
    host, port, path, pause_s = sys.argv[1:]
    connection = HTTPConnection(host, int(port))
    latency_s(connection, path)
    print("ready", flush=True)
    latencies_s: list[float] = []
    with selectors.DefaultSelector() as selector:
        selector.register(sys.stdin, selectors.EVENT_READ)
        while not selector.select(timeout=float(pause_s)):
            latencies_s.append(latency_s(connection, path))
    print(json.dumps(latencies_s))


def latency_s(connection: HTTPConnection, path: str) -> float:
    """Request a page and return the latency in seconds."""
    began = time.perf_counter()
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        sys.exit(f"{path}: expected HTTP 200, got {answer.status}")
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
