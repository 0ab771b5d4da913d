"""Input schemas for the SDK's `Mcp-Param-*` header check, without listing all tools.

On the stateless wire the SDK compares the headers that a tool declares (`x-mcp-header`) with the arguments.
By default it runs a whole `tools/list` for that on every call (python-sdk issue 3565).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fastmcp import FastMCP
from fastmcp.server.transforms.visibility import is_enabled
from fastmcp.tools import Tool
from fastmcp.utilities.versions import version_sort_key

from server_core.sdk.internals import dereference_tool, local_components, low_level_server


class HeaderSchemas:
    """Gives the SDK a direct schema lookup while that is correct, and its own listing otherwise.

    The registry of an app's own tools can be read directly and is never out of date. It does not answer for a
    listing that depends on anything else: other providers, middleware, who may see a tool, or a tool that
    describes itself differently.
    """

    def __init__(self, mcp: FastMCP[Any], is_plainly_listed: Callable[[], bool]) -> None:
        """Serve `mcp`; `is_plainly_listed` tells whether its tools are listed by FastMCP's own code alone."""
        self._mcp = mcp
        self._is_plainly_listed = is_plainly_listed
        self._server = low_level_server(mcp)
        self._lookup = self._input_schema
        self.refresh()

    def refresh(self) -> None:
        """Choose the lookup for requests from now on, unless the app has given the SDK one of its own."""
        present = self._server.get_tool_input_schema
        if present is None or isinstance(getattr(present, "__self__", None), HeaderSchemas):
            is_direct = self._is_plainly_listed() and all(map(_is_listed_as_it_is, self._tools()))
            self._server.get_tool_input_schema = self._lookup if is_direct else None

    def _tools(self) -> list[Tool]:
        return [each for each in local_components(self._mcp).values() if isinstance(each, Tool)]

    def _input_schema(self, name: str) -> Mapping[str, Any] | None:
        listed = [tool for tool in self._tools() if tool.name == name and is_enabled(tool)]
        if not listed:
            return None
        newest = max(listed, key=version_sort_key)
        # Middleware, if there is any, is FastMCP's default one, which shows clients dereferenced schemas.
        shown: Tool = dereference_tool(newest) if self._mcp.middleware else newest
        return shown.parameters


def _is_listed_as_it_is(tool: Tool) -> bool:
    """Return whether every caller sees a tool with the schema in its field `parameters`."""
    return tool.auth is None and type(tool).to_mcp_tool is Tool.to_mcp_tool
