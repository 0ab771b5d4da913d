"""The command `calculator-server`, also `python -m calculator_server`."""

from __future__ import annotations

import sys

from calculator_server.server import create_server
from calculator_server.settings import CalculatorSettings
from server_core import main as run_server


def main() -> int:
    """Run the server and return its exit code."""
    # Workers import `create_server` by its module, which therefore must not be `__main__`.
    return run_server(create_server, CalculatorSettings)


if __name__ == "__main__":
    sys.exit(main())
