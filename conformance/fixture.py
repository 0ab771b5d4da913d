"""The app that the conformance suite tests: every tool, resource and prompt that its scenarios call.

The suite's scenarios prescribe names, arguments and answers; `server_core` serves the app like any other:

    python conformance/fixture.py --port 8123
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Final

from fastmcp import FastMCP
from fastmcp.server.event_store import EventStore
from fixture_answers import (
    RICH_SCHEMA,
    SchemaTool,
    audio_content,
    custom_header,
    embedded_resource,
    error_handling,
    image_content,
    logging_tool,
    multiple_content_types,
    prompt_with_arguments,
    prompt_with_embedded_resource,
    prompt_with_image,
    reconnection,
    simple_prompt,
    simple_text,
    static_binary,
    static_text,
    template_data,
    tool_with_logging,
    tool_with_progress,
    watched_resource,
)
from fixture_questions import (
    elicitation,
    elicitation_sep1034_defaults,
    elicitation_sep1330_enums,
    input_required_result_capabilities,
    input_required_result_elicitation,
    input_required_result_list_roots,
    input_required_result_multi_round,
    input_required_result_multiple_inputs,
    input_required_result_prompt,
    input_required_result_request_state,
    input_required_result_sampling,
    missing_capability,
    sampling,
)
from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    PromptsListChanged,
    SubscriptionBus,
    ToolsListChanged,
)
from mcp_types import (
    CompletionArgument,
    CompletionContext,
    EmptyResult,
    PromptReference,
    ResourceTemplateReference,
    SubscribeRequestParams,
    SubscriptionsListenRequestParams,
    UnsubscribeRequestParams,
)
from pydantic import Field
from pydantic_settings import SettingsConfigDict
from worker_bus import WorkerBus

from server_core import Port, ServerSettings, main
from server_core.sdk.internals import low_level_server

_RETRY_MS: Final = 500
"""Time after which clients should come back to a stream that the server has closed."""


class FixtureSettings(ServerSettings):
    """Serve the app that the MCP conformance suite tests."""

    model_config = SettingsConfigDict(env_prefix="FIXTURE_", cli_prog_name="conformance-fixture")

    port: Port = 8123
    resumable: bool = Field(False, description="Keep what sessions are sent, for clients that come back.")


_TOOLS: Final[tuple[Callable[..., Any], ...]] = (
    # The scenario http-header-validation calls the first tool in the list without arguments.
    simple_text,
    image_content,
    audio_content,
    embedded_resource,
    multiple_content_types,
    error_handling,
    custom_header,
    tool_with_logging,
    logging_tool,
    tool_with_progress,
    reconnection,
    sampling,
    elicitation,
    elicitation_sep1034_defaults,
    elicitation_sep1330_enums,
    missing_capability,
    input_required_result_elicitation,
    input_required_result_sampling,
    input_required_result_list_roots,
    input_required_result_request_state,
    input_required_result_multiple_inputs,
    input_required_result_multi_round,
    input_required_result_capabilities,
)

_PROMPTS: Final[tuple[Callable[..., Any], ...]] = (
    simple_prompt,
    prompt_with_arguments,
    prompt_with_embedded_resource,
    prompt_with_image,
    input_required_result_prompt,
)


def create_server(settings: FixtureSettings | None = None) -> FastMCP[Any]:
    """Create the app."""
    mcp: FastMCP[Any] = FastMCP(
        "conformance-fixture",
        instructions="Answers as the MCP conformance suite expects; for tests only.",
        version="1.0",
        dereference_schemas=False,
    )
    for tool in _TOOLS:
        mcp.tool(name=f"test_{tool.__name__}")(tool)
    mcp.tool(name="test_input_required_result_tampered_state")(input_required_result_request_state)
    mcp.tool(name="test_streaming_elicitation")(input_required_result_elicitation)
    mcp.add_tool(
        SchemaTool(
            name="json_schema_2020_12_tool",
            description="Tool with JSON Schema 2020-12 features",
            parameters=RICH_SCHEMA,
        )
    )
    for prompt in _PROMPTS:
        mcp.prompt(name=f"test_{prompt.__name__}")(prompt)
    mcp.resource("test://static-text", mime_type="text/plain")(static_text)
    mcp.resource("test://static-binary", mime_type="image/png")(static_binary)
    mcp.resource("test://template/{id}/data", mime_type="application/json")(template_data)
    mcp.resource("test://watched-resource", mime_type="text/plain")(watched_resource)
    mcp.completion(_complete)
    has_workers = settings is not None and settings.workers > 1
    _add_subscriptions(mcp, WorkerBus() if has_workers else InMemorySubscriptionBus())
    return mcp


async def _complete(
    _ref: PromptReference | ResourceTemplateReference,
    argument: CompletionArgument,
    _context: CompletionContext | None,
) -> list[str]:
    return [word for word in ("paris", "park", "party", "test") if word.startswith(argument.value)]


def _add_subscriptions(mcp: FastMCP[Any], bus: SubscriptionBus) -> None:
    """Add subscriptions to resources and to list changes, for which FastMCP has no API."""
    subscribed: set[str] = set()

    async def subscribe(_ctx: ServerRequestContext[Any, Any], params: SubscribeRequestParams) -> EmptyResult:
        subscribed.add(params.uri)
        return EmptyResult()

    async def unsubscribe(
        _ctx: ServerRequestContext[Any, Any], params: UnsubscribeRequestParams
    ) -> EmptyResult:
        subscribed.discard(params.uri)
        return EmptyResult()

    server = low_level_server(mcp)
    server.add_request_handler("resources/subscribe", SubscribeRequestParams, subscribe)
    server.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, unsubscribe)
    server.add_request_handler("subscriptions/listen", SubscriptionsListenRequestParams, ListenHandler(bus))
    _add_triggers(mcp, bus)


def _add_triggers(mcp: FastMCP[Any], bus: SubscriptionBus) -> None:
    """Add the tools that announce a list change. The lists stay the same, for the other scenarios."""

    @mcp.tool
    async def test_trigger_tool_change() -> str:
        """Announce that the list of tools has changed."""
        await bus.publish(ToolsListChanged())
        return "Announced."

    @mcp.tool
    async def test_trigger_prompt_change() -> str:
        """Announce that the list of prompts has changed."""
        await bus.publish(PromptsListChanged())
        return "Announced."


if __name__ == "__main__":
    event_store = EventStore() if "--resumable" in sys.argv else None
    sys.exit(main(create_server, FixtureSettings, event_store=event_store, retry_interval_ms=_RETRY_MS))
