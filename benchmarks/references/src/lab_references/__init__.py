"""Reference servers, which show the cost of HTTP and JSON, FastMCP and the TypeScript SDK."""

__version__ = "0.1.0"
