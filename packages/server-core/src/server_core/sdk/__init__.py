"""Code that depends on the internals of FastMCP and the MCP SDK."""
