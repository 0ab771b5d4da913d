"""The cost ladder of a FastMCP app: what each layer around a tool adds to a call."""
