"""The app that the conformance suite tests: every tool, resource and prompt that its scenarios call.

The suite's scenarios prescribe names, arguments and answers; `server_core` serves the app like any other:

    python conformance/fixture.py --port 8123
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import sys
import wave
from collections.abc import Callable
from typing import Annotated, Any, Final, Literal

from fastmcp import Context, FastMCP
from fastmcp.exceptions import ToolError
from fastmcp.prompts import Message
from fastmcp.server.event_store import EventStore
from fastmcp.tools import Tool, ToolResult
from fastmcp.utilities.types import Audio, Image
from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    PromptsListChanged,
    SubscriptionBus,
    ToolsListChanged,
)
from mcp.shared.exceptions import MCPError
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    ClientCapabilities,
    CompletionArgument,
    CompletionContext,
    CreateMessageRequest,
    CreateMessageRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    EmbeddedResource,
    EmptyResult,
    ImageContent,
    InputRequest,
    InputRequiredResult,
    ListRootsRequest,
    MissingRequiredClientCapabilityErrorData,
    PromptReference,
    RequestParams,
    ResourceTemplateReference,
    SamplingCapability,
    SamplingMessage,
    SubscribeRequestParams,
    SubscriptionsListenRequestParams,
    TextContent,
    TextResourceContents,
    UnsubscribeRequestParams,
)
from pydantic import BaseModel, Field, JsonValue
from pydantic_settings import SettingsConfigDict

from server_core import Port, ServerSettings, main
from server_core.sdk.internals import low_level_server

PIXEL: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
)
"""A PNG of one red pixel."""

_PAUSE_S: Final = 0.05
"""Pause that the suite prescribes between two notifications, so that they arrive separately."""

_RETRY_MS: Final = 500
"""Time after which clients should come back to a stream that the server has closed."""

_STATE: Final = "confirmation requested"

RICH_SCHEMA: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}
"""Keywords that a server must pass on unchanged."""


class FixtureSettings(ServerSettings):
    """Serve the app that the MCP conformance suite tests."""

    model_config = SettingsConfigDict(env_prefix="FIXTURE_", cli_prog_name="conformance-fixture")

    port: Port = 8123
    resumable: bool = Field(False, description="Keep what sessions are sent, for clients that come back.")


# --- tools that only return a result ---


async def simple_text() -> str:
    """Return a text."""
    return "This is a simple text response for testing."


async def image_content() -> Image:
    """Return an image."""
    return Image(data=PIXEL, format="png")


async def audio_content() -> Audio:
    """Return a sound."""
    return Audio(data=_silence(), format="wav")


async def embedded_resource() -> EmbeddedResource:
    """Return a resource within the result."""
    return _embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")


async def multiple_content_types() -> ToolResult:
    """Return a text, an image and a resource."""
    resource = _embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}')
    return ToolResult(
        content=[TextContent(type="text", text="Multiple content types test:"), _pixel(), resource]
    )


async def error_handling() -> str:
    """Fail."""
    raise ToolError("This tool intentionally returns an error for testing")


async def custom_header(
    region: Annotated[
        str,
        Field(description="Also sent as a header.", json_schema_extra={"x-mcp-header": "Region"}),
    ],
) -> str:
    """Take an argument that clients repeat in the header Mcp-Param-Region."""
    return f"Region: {region}"


class SchemaTool(Tool):
    """A tool with a schema that no function can have; the suite only lists it."""

    async def run(self, arguments: dict[str, Any]) -> ToolResult:
        """Return the names of the arguments."""
        return ToolResult(content=f"Got {', '.join(sorted(arguments)) or 'nothing'}.")


# --- tools that send notifications before their result ---


async def tool_with_logging(ctx: Context) -> str:
    """Send three log messages."""
    await ctx.info("Tool execution started")
    await asyncio.sleep(_PAUSE_S)
    await ctx.info("Tool processing data")
    await asyncio.sleep(_PAUSE_S)
    await ctx.info("Tool execution completed")
    return "Logged three times."


async def logging_tool(ctx: Context) -> str:
    """Send a log message, which reaches only clients that requested logging."""
    await ctx.info("Tool execution started")
    return "Logged once."


async def tool_with_progress(ctx: Context) -> str:
    """Report progress three times."""
    await ctx.report_progress(0, 100)
    await asyncio.sleep(_PAUSE_S)
    await ctx.report_progress(50, 100)
    await asyncio.sleep(_PAUSE_S)
    await ctx.report_progress(100, 100)
    return "Reported three times."


async def reconnection(ctx: Context) -> str:
    """Close the response stream before the result is sent, so that the client has to reconnect for it."""
    await ctx.close_sse_stream()
    await asyncio.sleep(_PAUSE_S)
    return "Answered after the stream was closed."


# --- tools that send requests to the client within a session ---


class Person(BaseModel):
    """Name and address of a person."""

    username: str = Field(description="User's response")
    email: str = Field(description="User's email address")


class Defaults(BaseModel):
    """A default for every simple type."""

    name: str = "John Doe"
    age: int = 30
    score: float = 95.5
    status: Literal["active", "inactive", "pending"] = "active"
    verified: bool = True


def _titled(*titles: str) -> list[JsonValue]:
    return [{"const": f"value{number}", "title": title} for number, title in enumerate(titles, start=1)]


class Choices(BaseModel):
    """Every way to choose from a list."""

    untitled_single: Literal["option1", "option2", "option3"] = Field(alias="untitledSingle")
    titled_single: str = Field(
        alias="titledSingle",
        json_schema_extra={"oneOf": _titled("First Option", "Second Option", "Third Option")},
    )
    legacy_enum: str = Field(
        alias="legacyEnum",
        json_schema_extra={
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
    )
    untitled_multi: list[Literal["option1", "option2", "option3"]] = Field(alias="untitledMulti")
    titled_multi: list[str] = Field(
        alias="titledMulti",
        json_schema_extra={"items": {"anyOf": _titled("First Choice", "Second Choice", "Third Choice")}},
    )


async def sampling(prompt: str, ctx: Context) -> str:
    """Let the client's model answer a prompt."""
    # FastMCP 4 has no method for this, because the 2026 revision has no such request.
    answer = await ctx.session.create_message(
        [_message(prompt)], max_tokens=100, related_request_id=ctx.request_id
    )
    text = answer.content.text if isinstance(answer.content, TextContent) else answer.content.type
    return f"LLM response: {text}"


async def elicitation(message: str, ctx: Context) -> str:
    """Ask the user for name and address."""
    answer = await ctx.elicit(message, Person)
    return f"User response: {answer.model_dump_json()}"


async def elicitation_sep1034_defaults(ctx: Context) -> str:
    """Ask the user with a default for every field."""
    answer = await ctx.elicit("Please check these values", Defaults)
    return f"Elicitation completed: {answer.model_dump_json()}"


async def elicitation_sep1330_enums(ctx: Context) -> str:
    """Ask the user to choose from every kind of list."""
    answer = await ctx.elicit("Please choose", Choices)
    return f"Elicitation completed: {answer.model_dump_json()}"


# --- tools whose result requests input from the client (SEP-2322) ---


async def input_required_result_elicitation(ctx: Context) -> str | InputRequiredResult:
    """Ask for a name."""
    answer = _filled_in(ctx, "user_name")
    if answer is None:
        return InputRequiredResult(input_requests={"user_name": _form("What is your name?", name="string")})
    return f"Hello, {answer.get('name')}!"


async def input_required_result_sampling(ctx: Context) -> str | InputRequiredResult:
    """Let the client's model answer a prompt."""
    if "capital_question" in _answers(ctx):
        return f"The model said: {_answers(ctx)['capital_question'].model_dump_json()}"
    return InputRequiredResult(
        input_requests={"capital_question": _sampling("What is the capital of France?", max_tokens=100)}
    )


async def input_required_result_list_roots(ctx: Context) -> str | InputRequiredResult:
    """Ask for the client's roots."""
    if "client_roots" in _answers(ctx):
        return f"The roots: {_answers(ctx)['client_roots'].model_dump_json()}"
    return InputRequiredResult(input_requests={"client_roots": _roots()})


async def input_required_result_request_state(ctx: Context) -> str | InputRequiredResult:
    """Ask for a confirmation, and recognise from the state that it was requested."""
    if _filled_in(ctx, "confirm") is None or ctx.request_state != _STATE:
        requests = {"confirm": _form("Please confirm", ok="boolean")}
        return InputRequiredResult(input_requests=requests, request_state=_STATE)
    return "state-ok"


async def input_required_result_multiple_inputs(ctx: Context) -> str | InputRequiredResult:
    """Ask for three things at once."""
    requests: dict[str, InputRequest] = {
        "user_name": _form("What is your name?", name="string"),
        "greeting": _sampling("Generate a greeting", max_tokens=50),
        "client_roots": _roots(),
    }
    if _answers(ctx).keys() >= requests.keys():
        return f"Got {', '.join(sorted(requests))}."
    return InputRequiredResult(input_requests=requests, request_state=_STATE)


async def input_required_result_multi_round(ctx: Context) -> str | InputRequiredResult:
    """Ask for a name, then for a colour, and keep the name in the state."""
    state: dict[str, Any] = json.loads(ctx.request_state or "{}")
    name = state.get("name") or (_filled_in(ctx, "step1") or {}).get("name")
    colour = (_filled_in(ctx, "step2") or {}).get("color")
    if name is None:
        requests = {"step1": _form("Step 1: What is your name?", name="string")}
        return InputRequiredResult(input_requests=requests, request_state=json.dumps({}))
    if colour is None:
        requests = {"step2": _form("Step 2: What is your favorite color?", color="string")}
        return InputRequiredResult(input_requests=requests, request_state=json.dumps({"name": name}))
    return f"{name} likes {colour}."


async def input_required_result_capabilities(ctx: Context) -> str | InputRequiredResult:
    """Ask only for input that the client declares it supports."""
    declared = ctx.session.client_capabilities or ClientCapabilities()
    requests: dict[str, InputRequest] = {}
    if declared.sampling is not None:
        requests["capital_question"] = _sampling("What is the capital of France?", max_tokens=100)
    if declared.elicitation is not None:
        requests["user_name"] = _form("What is your name?", name="string")
    if not requests or _answers(ctx).keys() >= requests.keys():
        return f"Got {', '.join(sorted(requests)) or 'nothing to ask for'}."
    return InputRequiredResult(input_requests=requests)


async def missing_capability(ctx: Context) -> str:
    """Refuse clients without the capability sampling."""
    required = ClientCapabilities(sampling=SamplingCapability())
    if not ctx.session.check_client_capability(required):
        data = MissingRequiredClientCapabilityErrorData(required_capabilities=required)
        raise MCPError(
            MISSING_REQUIRED_CLIENT_CAPABILITY,
            "This tool needs a client with the capability sampling.",
            data.model_dump(by_alias=True, mode="json", exclude_none=True),
        )
    return "The client has it."


# --- prompts ---


async def simple_prompt() -> str:
    """A prompt without arguments."""
    return "This is a simple prompt for testing."


async def prompt_with_arguments(
    arg1: Annotated[str, Field(description="First test argument")],
    arg2: Annotated[str, Field(description="Second test argument")],
) -> str:
    """A prompt with two arguments."""
    return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"


async def prompt_with_embedded_resource(
    resourceUri: Annotated[str, Field(description="URI of the resource to embed")],  # noqa: N803 - the suite's
) -> list[Message]:
    """A prompt with a resource."""
    resource = _embedded(resourceUri, "text/plain", "Embedded resource content for testing.")
    return [Message(resource), Message("Please process the embedded resource above.")]


async def prompt_with_image() -> list[Message]:
    """A prompt with an image."""
    return [Message(_pixel()), Message("Please analyze the image above.")]


async def input_required_result_prompt(ctx: Context) -> str | InputRequiredResult:
    """A prompt that asks the client for its context."""
    answer = _filled_in(ctx, "user_context")
    if answer is None:
        requests = {"user_context": _form("What context should the prompt use?", context="string")}
        return InputRequiredResult(input_requests=requests)
    return f"Use this context: {answer.get('context')}"


# --- resources ---


async def static_text() -> str:
    """Return a text."""
    return "This is the content of the static text resource."


async def static_binary() -> bytes:
    """Return an image."""
    return PIXEL


async def template_data(id: str) -> str:
    """Return the parameter of the template as JSON."""
    return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})


async def watched_resource() -> str:
    """Return a text that clients can subscribe to."""
    return "This text never changes."


# --- the app ---

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


def create_server(_settings: FixtureSettings | None = None) -> FastMCP[Any]:
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
    _add_subscriptions(mcp)
    return mcp


async def _complete(
    _ref: PromptReference | ResourceTemplateReference,
    argument: CompletionArgument,
    _context: CompletionContext | None,
) -> list[str]:
    return [word for word in ("paris", "park", "party", "test") if word.startswith(argument.value)]


def _add_subscriptions(mcp: FastMCP[Any]) -> None:
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
    bus = InMemorySubscriptionBus()
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


# --- parts of the answers ---


def _pixel() -> ImageContent:
    return Image(data=PIXEL, format="png").to_image_content()


def _silence() -> bytes:
    """Return a WAV file with 0.01 s of silence."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(2 * 80))
    return file.getvalue()


def _embedded(uri: str, mime_type: str, text: str) -> EmbeddedResource:
    resource = TextResourceContents(uri=uri, mime_type=mime_type, text=text)
    return EmbeddedResource(type="resource", resource=resource)


def _message(text: str) -> SamplingMessage:
    return SamplingMessage(role="user", content=TextContent(type="text", text=text))


def _sampling(text: str, *, max_tokens: int) -> InputRequest:
    return CreateMessageRequest(
        params=CreateMessageRequestParams(messages=[_message(text)], max_tokens=max_tokens)
    )


def _roots() -> InputRequest:
    return ListRootsRequest(params=RequestParams())


def _form(message: str, **fields: str) -> InputRequest:
    """Return a request for a form to be filled in by the user.

    Args:
        message: Text for the user.
        **fields: JSON type of each field, by name; all fields are required.
    """
    schema = {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in fields.items()},
        "required": list(fields),
    }
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def _answers(ctx: Context) -> dict[str, Any]:
    """Return the client's input in this round, by the keys of the requests."""
    return dict(ctx.input_responses or {})


def _filled_in(ctx: Context, key: str) -> dict[str, Any] | None:
    """Return the fields of a form, None if the user has not been asked or did not accept."""
    answer = _answers(ctx).get(key)
    if not isinstance(answer, ElicitResult) or answer.action != "accept":
        return None
    return dict(answer.content or {})


if __name__ == "__main__":
    event_store = EventStore() if "--resumable" in sys.argv else None
    sys.exit(main(create_server, FixtureSettings, event_store=event_store, retry_interval_ms=_RETRY_MS))
