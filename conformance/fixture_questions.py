"""Tools and a prompt of the fixture that ask the client: within a session, or by their result (SEP-2322)."""

from __future__ import annotations

import json
from typing import Any, Final, Literal

from fastmcp import Context
from fixture_contents import user_message
from mcp.shared.exceptions import MCPError
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    ClientCapabilities,
    CreateMessageRequest,
    CreateMessageRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequest,
    InputRequiredResult,
    ListRootsRequest,
    MissingRequiredClientCapabilityErrorData,
    RequestParams,
    SamplingCapability,
    TextContent,
)
from pydantic import BaseModel, Field, JsonValue

_STATE: Final = "confirmation requested"


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
        [user_message(prompt)], max_tokens=100, related_request_id=ctx.request_id
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


async def input_required_result_prompt(ctx: Context) -> str | InputRequiredResult:
    """A prompt that asks the client for its context."""
    answer = _filled_in(ctx, "user_context")
    if answer is None:
        requests = {"user_context": _form("What context should the prompt use?", context="string")}
        return InputRequiredResult(input_requests=requests)
    return f"Use this context: {answer.get('context')}"


# --- requests to the client, and its answers ---


def _sampling(text: str, *, max_tokens: int) -> InputRequest:
    return CreateMessageRequest(
        params=CreateMessageRequestParams(messages=[user_message(text)], max_tokens=max_tokens)
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
