"""The command `music21-server`, also `python -m music21_server`."""

from __future__ import annotations

import sys

from server_core import without_collections


def main() -> int:
    """Run the server and return the exit code."""
    with without_collections():
        # Most of a start is imports, and most garbage collections of a start would happen in them.
        from music21_server.server import create_server
        from music21_server.settings import Music21Settings
        from server_core import main as run_server

    return run_server(create_server, Music21Settings)


if __name__ == "__main__":
    sys.exit(main())
