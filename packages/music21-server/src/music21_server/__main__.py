"""The command `music21-server`, also `python -m music21_server`."""

from __future__ import annotations

import sys

from music21_server.server import create_server
from music21_server.settings import Music21Settings
from server_core import main as run_server


def main() -> int:
    """Run the server and return the exit code."""
    return run_server(create_server, Music21Settings)


if __name__ == "__main__":
    sys.exit(main())
