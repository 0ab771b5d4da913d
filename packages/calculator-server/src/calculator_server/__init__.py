"""An MCP server for arithmetic on finite 64-bit floats."""

from importlib.metadata import version

__version__ = version("calculator-server")
