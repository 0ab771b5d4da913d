"""The MCP tools and prompts."""
