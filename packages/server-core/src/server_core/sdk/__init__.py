"""Everything that reaches into FastMCP and the MCP SDK."""
