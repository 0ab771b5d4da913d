"""A process that outlives the bridge for a moment, to kill the process groups that the bridge could not end.

It reads the groups' numbers from its standard input: positive ones are added, negative ones are forgotten. It
needs only the standard library's start-up.
"""

import contextlib
import os
import signal
import struct
import sys

ARGV = (sys.executable, "-I", "-S", __file__)
NUMBER = struct.Struct("=i")


def main() -> None:
    """Leave the process tree, wait for the end of standard input, and kill the groups that are left."""
    if os.fork():
        return
    # Whoever ends the bridge in order may signal all of its processes.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    while data := os.read(0, NUMBER.size):
        (number,) = NUMBER.unpack(data)
        if number > 1:  # killpg(1) would reach every process
            groups.add(number)
        else:
            groups.discard(-number)
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
