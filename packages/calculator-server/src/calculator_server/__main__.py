"""The command `calculator-server`, also `python -m calculator_server`."""

from __future__ import annotations

import sys

from server_core import without_collections


def main() -> int:
    """Run the server and return its exit code."""
    with without_collections():
        # Most of a start is imports, and most garbage collections of a start would happen in them.
        from calculator_server.server import create_server
        from calculator_server.settings import CalculatorSettings
        from server_core import main as run_server

    # Workers import `create_server` by its module, which therefore must not be `__main__`.
    return run_server(create_server, CalculatorSettings)


if __name__ == "__main__":
    sys.exit(main())
