"""Components as lists show them: which need FastMCP for that, and whether a list is still the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from fastmcp.prompts import Prompt
from fastmcp.prompts.function_prompt import FunctionPrompt
from fastmcp.resources import (
    BinaryResource,
    DirectoryResource,
    FileResource,
    FunctionResource,
    HttpResource,
    Resource,
    ResourceTemplate,
    TextResource,
)
from fastmcp.resources.template import FunctionResourceTemplate
from fastmcp.tools import FunctionTool, Tool
from pydantic import BaseModel
from pydantic_core import to_json

from server_core.tools import PlainTool

LISTS: Final[Mapping[str, tuple[type[BaseModel], ...]]] = {
    "tools/list": (Tool,),
    "resources/list": (Resource, Tool),  # tools with a user interface are listed as its resources, too
    "resources/templates/list": (ResourceTemplate,),
    "prompts/list": (Prompt,),
}
"""Requests for lists, with the kinds of components that each list shows."""

_PLAIN_CLASSES: Final = frozenset(
    {
        *(FunctionTool, PlainTool, FunctionPrompt, FunctionResource, ResourceTemplate),
        *(FunctionResourceTemplate, TextResource, BinaryResource, FileResource, HttpResource),
        DirectoryResource,
    }
)
"""Classes whose components are listed as their fields say; a subclass may describe itself differently."""

_NEVER_LISTED: Final = frozenset({"fn", "return_type", "text", "data"})
"""Fields that no list shows: code, and what a resource contains."""

_descriptions: Final = (
    *((kind, name) for kind in (Tool, Resource, ResourceTemplate, Prompt) for name in ("get_meta", "key")),
    *((Tool, "to_mcp_tool"), (Resource, "to_mcp_resource"), (ResourceTemplate, "to_mcp_template")),
    (Prompt, "to_mcp_prompt"),
)
_DESCRIBING_CODE: Final = tuple((kind, name, getattr(kind, name)) for kind, name in _descriptions)
"""FastMCP's code that makes a list entry of a component."""


def listed(method: str, components: Iterable[Any]) -> list[Any]:
    """Return the components that matter to a list, in their order."""
    kinds = LISTS[method]
    return [each for each in components if isinstance(each, kinds)]


def list_reason(components: Iterable[Any]) -> str:
    """Return why a list of components depends on more than their fields; empty if it does not."""
    for each in components:
        kind = type(each)
        if kind not in _PLAIN_CLASSES:
            return f"the class {kind.__name__} may override how a component is listed"
        if each.auth is not None:
            return f"who may see {each.name} depends on the request"
        if len(each.__dict__) != len(kind.model_fields):
            return f"{each.name} has attributes beside its fields"
    if any(getattr(kind, name) is not code for kind, name, code in _DESCRIBING_CODE):
        return "FastMCP's code for lists has been replaced"
    return ""


def fingerprint(components: Iterable[Any]) -> bytes:
    """Return bytes that differ whenever lists of the components may differ.

    Everything that a list shows is among the fields, which may be changed in place, also deep within. They
    are written as JSON by pydantic, as the list is in the end.

    Raises:
        ValueError: A field cannot be written as JSON.
    """
    fields = [
        {name: value for name, value in each.__dict__.items() if name not in _NEVER_LISTED}
        for each in components
    ]
    return to_json(fields, fallback=id, inf_nan_mode="constants")
