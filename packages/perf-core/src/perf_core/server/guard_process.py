"""A process that outlives a killed lab for a moment, to end the server that the lab has started.

It reads JSON objects from its standard input, line by line, and waits there with the standard library's
start-up alone. The lab's last line is ``"end"``. If the input ends without it, the lab was killed.
"""

import json
import signal
import sys

ARGV = (sys.executable, "-I", "-S", __file__)


def main() -> None:
    """Wait for the end of the lab, and end the server if the lab could not."""
    # What ends the lab in order, such as Ctrl-C, may reach its whole group.
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    server = {}
    for line in sys.stdin.buffer:
        try:
            message = json.loads(line)
        except ValueError:
            break  # the lab was killed while it wrote
        if message == "end":
            return
        server.update(message)
    if server:
        sys.path[:] = server.pop("path")
        from perf_core.server.orphan import Orphan, end_orphan

        end_orphan(Orphan(**server))


if __name__ == "__main__":
    main()
