"""Yardstick servers: what HTTP and JSON, FastMCP, and the TypeScript SDK cost for the calculator's calls."""

__version__ = "0.1.0"
