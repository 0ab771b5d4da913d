"""The lab's own MCP client: handshakes, requests, sessions, and what servers ask of it."""
