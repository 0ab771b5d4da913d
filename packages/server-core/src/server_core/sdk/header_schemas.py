"""Input schemas for the SDK's `Mcp-Param-*` header check, without listing all tools.

On the stateless wire the SDK compares the headers that a tool declares (`x-mcp-header`) with the arguments.
By default it runs a whole `tools/list` for that on every call (python-sdk issue 3565).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastmcp import FastMCP
from fastmcp.tools import Tool
from fastmcp.utilities.versions import version_sort_key

from server_core.sdk.internals import local_components, low_level_server


class HeaderSchemas:
    """Gives the SDK a direct schema lookup while that is correct, and its own listing otherwise.

    The registry of an app's own tools can be read directly and is never out of date. Once mounted servers,
    other providers, transforms, visibility rules or middleware take part in which tools there are, only the
    SDK's listing is correct.
    """

    def __init__(self, mcp: FastMCP[Any]) -> None:
        self._mcp = mcp
        self._server = low_level_server(mcp)
        self._components = local_components(mcp)
        self.refresh()

    def refresh(self) -> None:
        """Choose the lookup for requests from now on."""
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
