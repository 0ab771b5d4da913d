"""The fields of a target file, as pydantic reads them and as editors see them; no check beyond one table.

Descriptions become those of the JSON Schema (:mod:`perf_core.targets.file_schema`); docs/adapters.md explains
the fields with examples.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator, model_validator
from pydantic_core import PydanticCustomError

from perf_core.adapter import Expectation
from perf_core.load.step_problems import expectation_problem, saved_value_problems
from perf_core.server.credentials.access_settings import AccessSettings
from perf_core.targets.field_types import Code, Limits, Pause

COMPLETE = "complete"
"""Type of the errors whose message already says what was found."""


class _Table(BaseModel):
    # TOML has infinity and NaN, but JSON does not, so calls cannot contain them. A text is no number.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, strict=True)


class ExpectTable(_Table):
    """The expected answer: exactly one of the fields."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    result: JsonValue = Field(None, description="The structured content, as a whole.")
    # Nothing is in every answer, so that empty parts would check nothing.
    members: dict[str, JsonValue] | None = Field(
        None, min_length=1, description="Some members of the structured content."
    )
    text: str | None = Field(None, description="The first text of the answer, as a whole.")
    contains: str | None = Field(None, min_length=1, description="A part of the first text.")
    regex: str | None = Field(
        None, min_length=1, description="A regular expression that matches in the first text."
    )
    json_: dict[str, JsonValue] | None = Field(
        None, min_length=1, alias="json", description="Some members of the JSON in the first text."
    )
    paths: dict[str, JsonValue] | None = Field(
        None,
        min_length=1,
        description="Values within the result, by JSON pointer, such as '/content/1/text'.",
    )
    whole: dict[str, JsonValue] | None = Field(None, description="The whole result.")
    shape: JsonValue = Field(None, description="The types within the result.")
    error: Literal[True] | None = Field(None, description="true: the tool reports an error.")
    rpc_error: Code | None = Field(None, description="Code of the JSON-RPC error, or true for any.")
    any: Literal[True] | None = Field(None, description="true: any answer that is no error.")

    @model_validator(mode="after")
    def _check_single(self) -> ExpectTable:
        if len(self.model_fields_set) != 1:
            raise PydanticCustomError(
                "single", "expected exactly one of " + ", ".join(name.rstrip("_") for name in KINDS)
            )
        expectation = self.expectation()
        if expectation.kind == "shape" and not expectation.value:
            raise PydanticCustomError("shape", "expected the type of at least one member for shape")
        # What a whole result is depends on the request, so that is checked with it.
        problem = None if expectation.kind == "whole" else expectation_problem(expectation)
        if problem:
            raise PydanticCustomError(COMPLETE, problem)
        return self

    def expectation(self) -> Expectation:
        """Return the expectation that the table describes."""
        (name,) = self.model_fields_set
        value = getattr(self, name)
        kind: Any = name.rstrip("_")
        return Expectation(kind, None if value is True and kind in ("error", "any", "rpc_error") else value)


KINDS = tuple(ExpectTable.model_fields)


class CompletionTable(_Table):
    """A request for completions of an argument of a prompt or of a resource template."""

    prompt: str | None = Field(None, min_length=1, description="Name of the prompt.")
    resource: str | None = Field(None, min_length=1, description="URI template of the resource.")
    argument: str = Field(min_length=1, description="Name of the argument.")
    value: str = Field("", description="The beginning of its value.")

    @model_validator(mode="after")
    def _check_reference(self) -> CompletionTable:
        if (self.prompt is None) == (self.resource is None):
            raise PydanticCustomError("single", "expected either a prompt or a resource")
        return self


class _RequestTable(_Table):
    """One request: exactly one of tool, resource, prompt and completion."""

    tool: str | None = Field(None, min_length=1, description="Name of the tool to call.")
    resource: str | None = Field(None, min_length=1, description="URI of the resource to read.")
    prompt: str | None = Field(None, min_length=1, description="Name of the prompt to get.")
    completion: CompletionTable | None = Field(None, description="The completions to ask for.")
    name: str | None = Field(
        None, min_length=1, description="Name in figures; default: that of the tool or prompt, or the URI."
    )
    arguments: dict[str, JsonValue] = Field(
        default_factory=dict, description="Arguments of the tool or prompt."
    )
    expect: ExpectTable | None = Field(
        None, description="The expected answer; default: any that is no error."
    )

    @model_validator(mode="after")
    def _check_request(self) -> _RequestTable:
        if sum(getattr(self, each) is not None for each in REQUESTS) != 1:
            raise PydanticCustomError("single", "expected exactly one of " + ", ".join(REQUESTS))
        return self


REQUESTS = ("tool", "resource", "prompt", "completion")


class DrawTable(_Table):
    """The source of a value: exactly one of range, choice and lines."""

    range: Limits | None = Field(
        None, description="Any number between two; whole numbers between whole ones."
    )
    choice: list[JsonValue] | None = Field(None, min_length=1, description="One of these values.")
    weights: list[Annotated[float, Field(ge=0)]] | None = Field(
        None, description="Frequency of each choice, in any unit."
    )
    lines: str | None = Field(
        None, min_length=1, description="A file, relative to this one, of which one line is drawn."
    )
    column: str | None = Field(
        None, description="Column of a file of comma-separated values whose first line has names."
    )
    type: Literal["text", "number", "json"] = Field("text", description="How the text of a line is read.")

    @model_validator(mode="after")
    def _check_source(self) -> DrawTable:
        if sum(getattr(self, each) is not None for each in ("range", "choice", "lines")) != 1:
            raise PydanticCustomError("single", "expected exactly one of range, choice, lines")
        if self.weights is not None and (
            self.choice is None or len(self.weights) != len(self.choice) or not any(self.weights)
        ):
            raise PydanticCustomError("weights", "expected as many weights as choices, not all of them zero")
        if self.lines is None and {"column", "type"} & self.model_fields_set:
            raise PydanticCustomError("lines", "expected column and type beside lines only")
        return self


class _MixTable(_Table):
    """A part of the mix of journeys."""

    weight: float = Field(1.0, gt=0, description="Frequency among the calls and journeys, in any unit.")
    kind: str = Field("", description="Label that splits figures, such as large.")
    think_time: Pause | None = Field(
        None, description="Pause of a user afterwards; default: that of the file."
    )
    draw: dict[str, DrawTable] = Field(
        default_factory=dict, description="Values drawn by seed for each journey; '{name}' inserts one."
    )


class CallTable(_RequestTable, _MixTable):
    """A journey of a single request."""


class StepTable(_RequestTable):
    """One request of a journey."""

    save: dict[str, str] = Field(
        default_factory=dict,
        description="Values of the result for later steps: JSON pointers by name; '{name}' inserts one.",
    )

    @field_validator("save")
    @classmethod
    def _check_save(cls, save: dict[str, str]) -> dict[str, str]:
        problems = list(saved_value_problems(save))
        if problems:
            raise PydanticCustomError(COMPLETE, "; ".join(problems))
        return save


class JourneyTable(_MixTable):
    """Requests that one user makes in sequence."""

    name: str = Field(min_length=1, description="Name in figures.")
    steps: list[StepTable] = Field(min_length=1, description="The requests, in order.")


class TargetTable(_Table):
    """A level that a figure must stay below or above."""

    figure: str = Field(description="Name of the figure; 'perf-core figures' lists them.")
    comparison: Literal["<", ">"] = Field(description="Whether the figure must stay below or above.")
    target: float = Field(description="The level that decides the verdict, in the figure's unit.")
    need: str = Field(description="The user need that the level serves, in one sentence.")
    stretch: float | None = Field(None, description="A stricter level that is reported only.")
    min_duration_s: float = Field(0.0, ge=0, description="Shortest load from which the figure can be judged.")
    min_samples: int = Field(1, ge=1, description="Fewest samples from which the figure can be judged.")
    scenarios: list[str] | None = Field(
        None, min_length=1, description="Scenarios to which the target applies; default: all."
    )


class AnswersTable(_Table):
    """Answers of a user to requests that the server sends during a call."""

    elicitation: dict[str, JsonValue] | None = Field(
        None, description="Content of the form that the server asks for; default: it is declined."
    )
    sampling: str | None = Field(
        None, description="Text that the user's model would write; default: it is refused."
    )


class TargetFile(_Table):
    """A server for the performance lab: how to start or reach it, what to call, and what to expect."""

    name: str = Field(min_length=1, description="Name of the server in reports.")
    server_name: str | None = Field(
        None, description="Name that the server must report in its handshake; default: any."
    )
    command: list[str] | None = Field(
        None, min_length=1, description="Program and arguments that start the server."
    )
    url: str | None = Field(
        None, description="MCP endpoint; with {port} that of the command, without a command a running server."
    )
    transport: Literal["http", "stdio"] = Field("http", description="How the command's server talks.")
    shared: bool = Field(False, description="Whether all sessions share one process of a server on stdio.")
    env: dict[str, str] = Field(
        default_factory=dict,
        description="Variables of the command; $NAME takes a value from the environment of the lab.",
    )
    cwd: str | None = Field(
        None, min_length=1, description="Folder of the command, relative to this file; default: its folder."
    )
    ready_timeout_s: float = Field(
        20.0, gt=0, description="Longest time until the server answers its first handshake."
    )
    stop_timeout_s: float = Field(
        15.0, gt=0, description="Time between asking the server to end and killing it."
    )
    request_timeout_s: float = Field(30.0, gt=0, description="Longest time that an answer may take.")
    think_time: Pause | None = Field(None, description="Pause of each user after a call or journey.")
    adapter: str | None = Field(
        None, description="Name of an installed adapter whose calls and targets are used instead."
    )
    access: AccessSettings | None = Field(None, description="Credentials and certificates.")
    answers: AnswersTable | None = Field(
        None, description="Answers to requests of the server, such as elicitations."
    )
    calls: list[CallTable] = Field(default_factory=list, description="Journeys of a single request.")
    journeys: list[JourneyTable] = Field(default_factory=list, description="Journeys of several requests.")
    targets: list[TargetTable] = Field(default_factory=list, description="Levels that decide the verdict.")
