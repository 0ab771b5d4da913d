"""A worker process that is started by itself, on systems that cannot fork (Windows).

It has to import everything, and takes seconds before it can do a task. Tasks come through its standard input
and answers go out through its standard output; what a library prints goes to standard error.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from typing import Final

from music21_server.workers.worker import serve

COMMAND: Final = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1])['path']; "
    "from music21_server.workers.spawn_entry import main; main()"
)
"""What the program starts a worker with (`python -P -c`); the arguments are JSON."""


def main() -> None:
    """Be a worker."""
    arguments = json.loads(sys.argv[1])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Control-C is the program's business
    reading, writing = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    for module in arguments["preload"]:
        importlib.import_module(module)
    serve(reading, writing, arguments["memory_bytes"])
