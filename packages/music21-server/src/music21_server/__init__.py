"""An MCP server for scores: reads, analyses, renders and exports them, up to whole orchestras."""

__version__ = "0.1.0"
