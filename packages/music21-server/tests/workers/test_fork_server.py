"""The fork server without its server."""

from __future__ import annotations

import json
import socket
import subprocess
import sys

import pytest

from music21_server.workers.fork_server import COMMAND

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(sys.platform == "win32", reason="nothing is forked on Windows"),
]


def test_it_ends_quietly_if_its_server_was_killed_while_it_started() -> None:
    ours, theirs = socket.socketpair()
    ours.close()
    arguments = {
        "path": sys.path,
        "socket": theirs.fileno(),
        "preload": [],
        "memory_bytes": 2**30,
        "readable_folders": None,
    }
    with theirs:
        done = subprocess.run(
            [sys.executable, "-P", "-c", COMMAND, json.dumps(arguments)],
            pass_fds=[theirs.fileno()],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")
