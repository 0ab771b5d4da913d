"""Entry point of a worker process on systems that cannot fork (Windows).

The process imports everything, which takes seconds, before it can do a task. Tasks arrive on standard input,
answers leave on standard output, and what libraries print goes to standard error.
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
"""Code that starts a worker (`python -P -c`); its argument is JSON."""


def main() -> None:
    """Run a worker."""
    arguments = json.loads(sys.argv[1])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Control-C is for the server
    reading, writing = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    for module in arguments["preload"]:
        importlib.import_module(module)
    serve(reading, writing, arguments["memory_bytes"], arguments["readable_folders"])
