"""Starts the adder as a daemon: ``daemon.py [--forks 1|2] [--wait] [--vanish] -- ARGUMENTS OF adder.py``.

* ``--forks``: how often the process forks before the adder is started in a session of its own
* ``--wait``: the started process ends only when the adder has written its ready file
* ``--vanish``: nothing is left when the started process ends
"""

import argparse
import os
import sys
import time
from pathlib import Path

ADDER = str(Path(__file__).with_name("adder.py"))


def become_the_adder(arguments):
    os.setsid()
    os.execv(sys.executable, [sys.executable, ADDER, *arguments])  # noqa: S606 - as a daemon starts


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--forks", type=int, default=2)
    parser.add_argument("--wait", action="store_true")
    parser.add_argument("--vanish", action="store_true")
    parser.add_argument("arguments", nargs="*")
    options = parser.parse_args()
    if options.vanish:
        return
    arguments = options.arguments
    child = os.fork()
    if child == 0:
        if options.forks == 2 and os.fork() > 0:
            os._exit(0)
        become_the_adder(arguments)
    if options.forks == 2:
        os.waitpid(child, 0)
    if options.wait:
        ready = Path(arguments[arguments.index("--ready-file") + 1])
        while not ready.exists():
            time.sleep(0.01)


if __name__ == "__main__":
    main()
