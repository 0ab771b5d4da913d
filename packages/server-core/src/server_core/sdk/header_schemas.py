"""Finds a tool's input schema for the `Mcp-Param-*` header check without listing all tools.

On the stateless wire the SDK compares the headers that a tool declares (`x-mcp-header`) with the arguments.
Left alone it runs a whole `tools/list` for that on every call (python-sdk issue 3565).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastmcp import FastMCP
from fastmcp.tools import Tool
from fastmcp.utilities.versions import version_sort_key


class HeaderSchemas:
    """Keeps the SDK's schema lookup cheap while that is right, and its own listing otherwise.

    The registry of an app's own tools can be read at once and is never out of date. As soon as anything else
    decides which tools there are (mounted servers, other providers, transforms, visibility, middleware), the
    SDK's listing is the only one to know.
    """

    def __init__(self, mcp: FastMCP[Any]) -> None:
        self._mcp = mcp
        self._server = mcp._mcp_server
        # FastMCP has no synchronous public way to its own tools; a test notices when this one moves.
        self._components = mcp.local_provider._components
        self.refresh()

    def refresh(self) -> None:
        """Choose the lookup for the requests from now on."""
        mcp = self._mcp
        own_tools_only = (
            len(mcp.providers) == 1
            and not mcp.transforms
            and not mcp.local_provider.transforms
            and not mcp.middleware
        )
        self._server.get_tool_input_schema = self._input_schema if own_tools_only else None

    def _input_schema(self, name: str) -> Mapping[str, Any] | None:
        component = self._components.get(f"{Tool.KEY_PREFIX}:{name}@")
        if isinstance(component, Tool):
            return component.parameters
        versions = [
            tool for tool in self._components.values() if isinstance(tool, Tool) and tool.name == name
        ]
        return max(versions, key=version_sort_key).parameters if versions else None
