"""The command `calculator-server`, also `python -m calculator_server`."""

from __future__ import annotations

import sys
from typing import Any

from fastmcp import FastMCP

from calculator_server.server import create_server
from calculator_server.settings import CalculatorSettings
from server_core import main as run_server


def main() -> int:
    """Run the server; returns the exit code."""
    return run_server(_create_server, CalculatorSettings)


def _create_server(_settings: CalculatorSettings) -> FastMCP[Any]:
    return create_server()  # arithmetic has nothing to set


if __name__ == "__main__":
    sys.exit(main())
