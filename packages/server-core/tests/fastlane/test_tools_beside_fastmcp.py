"""Tools of every kind: the lane calls those that cannot know of their request, and no answer differs."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import ContextVar
from typing import Annotated, Any

import pytest
from beside_fastmcp import assert_like_fastmcp, outcomes, with_header
from fastmcp import FastMCP
from fastmcp.exceptions import NotFoundError
from fastmcp.server.dependencies import get_access_token, get_context, get_http_headers
from fastmcp.tools import FunctionTool, ToolResult
from in_memory import Request, initialize, session_call, stateless_call
from pydantic import BaseModel, BeforeValidator, computed_field
from pydantic_core import to_json

from server_core import EncodedJson, PlainTool
from server_core.sdk.internals import local_components

pytestmark = pytest.mark.anyio
TOKEN = "a-token-0123456789"

VARIABLE: ContextVar[str] = ContextVar("variable", default="nothing")


def key() -> str:
    return get_http_headers().get("x-key", "none")


class Reader:
    by_name = {"key": key}  # noqa: RUF012 - as people write it

    def __init__(self) -> None:
        self.read = key

    def method(self) -> str:
        return key()

    @property
    def value(self) -> str:
        return key()

    def __str__(self) -> str:
        return key()

    def __getattr__(self, name: str) -> str:
        if name.startswith("_"):
            raise AttributeError(name)
        return key()

    async def tool(self, text: str) -> str:
        return f"{text} {self.read()}"


class CallableObject:
    async def __call__(self, text: str) -> str:
        return f"{text} {key()}"


READER = Reader()
MODULE = importlib.import_module(__name__)


class Keyed(BaseModel):
    text: str

    @computed_field  # type: ignore[prop-decorator]
    @property
    def key(self) -> str:
        return key()


def keyed(fn: Any) -> Any:
    @functools.wraps(fn)
    async def wrapper(text: str) -> str:
        return f"{await fn(text)} {key()}"

    return wrapper


async def in_body(text: str) -> str:
    from fastmcp.server.dependencies import get_context

    return f"{text} {get_context().request_id}"


@keyed
async def decorated(text: str) -> str:
    return text


async def by_method(text: str) -> str:
    return f"{text} {READER.method()}"


async def by_property(text: str) -> str:
    return f"{text} {READER.value}"


async def by_formatting(text: str) -> str:
    return f"{text} {READER}"


async def by_format_string(text: str) -> str:
    return "{0} {1.value}".format(text, READER)  # noqa: UP030, UP032 - what is tested


async def by_unknown_attribute(text: str) -> str:
    return f"{text} {READER.anything}"


async def by_literal_getattr(text: str) -> str:
    return f"{text} {getattr(READER, 'value')}"  # noqa: B009 - what is tested


async def by_computed_getattr(text: str) -> str:
    return f"{text} {getattr(MODULE, 'k' + 'ey')()}"


async def by_table(text: str) -> str:
    return f"{text} {Reader.by_name['key']()}"


async def by_globals(text: str) -> str:
    return f"{text} {globals()['key']()}"


async def by_import_module(text: str) -> str:
    return f"{text} {importlib.import_module(__name__).key()}"


async def by_eval(text: str) -> str:
    return f"{text} {eval('key()')}"  # noqa: S307 - what is tested


async def by_a_model(text: str) -> Keyed:
    return Keyed(text=text)


async def by_token(text: str) -> str:
    token = get_access_token()
    return f"{text} {None if token is None else token.client_id}"


async def by_default(text: str, read: Any = None) -> str:
    return f"{text} {(read or key)()}"


def in_a_thread(text: str) -> str:
    return f"{text} {key()}"


async def in_a_task(text: str) -> str:
    return await asyncio.create_task(decorated(text))


async def in_another_thread(text: str) -> str:
    return f"{text} {await asyncio.to_thread(key)}"


async def by_log(text: str) -> str:
    return text


@contextlib.contextmanager
def managed() -> Iterator[str]:
    yield key()


async def by_context_manager(text: str) -> str:
    with managed() as value:
        return f"{text} {value}"


async def by_context_variable(text: str) -> str:
    return f"{text} {VARIABLE.get()}"


@functools.singledispatch
def dispatched(_value: Any) -> str:
    return "any"


@dispatched.register
def _(_value: str) -> str:
    return key()


async def by_single_dispatch(text: str) -> str:
    return f"{text} {dispatched(text)}"


def checked(value: Any) -> Any:
    return f"{value} {key()}"


async def by_validator(text: Annotated[str, BeforeValidator(checked)]) -> str:
    return text


NOT_PLAIN: list[Any] = [
    *(in_body, decorated, by_method, by_property, by_formatting, by_format_string, by_unknown_attribute),
    *(by_literal_getattr, by_computed_getattr, by_table, by_globals, by_import_module, by_eval),
    *(by_a_model, by_token, by_default, in_a_thread, in_a_task, in_another_thread, by_context_manager),
    *(by_context_variable, by_single_dispatch, by_validator),
    *(READER.tool, CallableObject(), functools.partial(decorated)),
]


def calls(name: str, arguments: dict[str, Any]) -> list[Request]:
    """Return calls on both wires, of callers with different headers."""
    bearer = ("authorization", f"Bearer {TOKEN}")
    return [
        with_header(each, *bearer)
        for each in (
            initialize(),
            with_header(stateless_call(name, arguments), "x-key", "one"),
            with_header(session_call(name, arguments), "x-key", "two"),
            with_header(session_call(name, arguments, identity=2), "x-key", "three"),
            stateless_call(name, arguments),
            stateless_call(name, {"no": "such argument"}),
        )
    ]


def app_with(fn: Any, kind: type[FunctionTool] = FunctionTool, **options: Any) -> FastMCP[Any]:
    mcp: FastMCP[Any] = FastMCP("app", version="1")
    mcp.add_tool(kind.from_function(fn, name="tool", **options))
    return mcp


@pytest.mark.parametrize("fn", NOT_PLAIN, ids=lambda fn: getattr(fn, "__name__", type(fn).__name__))
async def test_a_tool_that_may_know_of_its_request_is_called_by_fastmcp(fn: Any) -> None:
    await assert_like_fastmcp(
        lambda _notes: app_with(fn), *calls("tool", {"text": "hi"}), lane_calls=0, auth_tokens=[TOKEN]
    )


TRUSTED = [each for each in NOT_PLAIN if each is not by_context_variable]


@pytest.mark.parametrize("fn", TRUSTED, ids=lambda fn: getattr(fn, "__name__", type(fn).__name__))
async def test_a_plain_tool_finds_its_request_on_the_lane_too(fn: Any) -> None:
    answers = await assert_like_fastmcp(
        lambda _notes: app_with(fn, PlainTool),
        *calls("tool", {"text": "hi"}),
        lane_calls=4,
        auth_tokens=[TOKEN],
    )
    assert len({each.body for each in answers}) > 2


class Numbers:
    """Makes generators in every way a tool can."""

    def __init__(self) -> None:
        self.threads: set[int] = set()

    def generate(self, count: int) -> Iterator[int]:
        for number in range(count):
            self.threads.add(threading.get_ident())
            yield number

    async def generate_async(self, count: int) -> AsyncIterator[int]:
        for number in range(count):
            await asyncio.sleep(0)
            yield number

    async def generate_without_waiting(self, count: int) -> AsyncIterator[int]:
        for number in range(count):
            yield number

    def returns_generator(self, count: int) -> Any:
        return self.generate(count)

    def returns_async_generator(self, count: int) -> Any:
        return self.generate_async(count)

    def returns_coroutine(self, count: int) -> Any:
        return self.counts(count)

    def returns_coroutine_of_generator(self, count: int) -> Any:
        return self.async_returns_generator(count)

    async def counts(self, count: int) -> list[int]:
        return list(range(count))

    async def async_returns_generator(self, count: int) -> Any:
        return self.generate(count)

    async def async_returns_async_generator(self, count: int) -> Any:
        return self.generate_async(count)

    async def async_returns_async_generator_without_waiting(self, count: int) -> Any:
        return self.generate_without_waiting(count)

    async def waits_and_returns_async_generator(self, count: int) -> Any:
        await asyncio.sleep(0)
        return self.generate_async(count)

    def fails_halfway(self, count: int) -> Any:
        def generate() -> Iterator[int]:
            yield count
            raise ValueError("half way")

        return generate()

    async def fails_halfway_async(self, count: int) -> Any:
        async def generate() -> AsyncIterator[int]:
            yield count
            raise ValueError("half way")

        return generate()


GENERATING = [name for name, member in vars(Numbers).items() if callable(member) and not name.startswith("_")]


@pytest.mark.parametrize("name", GENERATING)
@pytest.mark.parametrize("kind", [FunctionTool, PlainTool])
@pytest.mark.parametrize("options", [{}, {"run_in_thread": False}, {"output_schema": None}])
async def test_what_generators_yield_is_a_list(
    name: str, kind: type[FunctionTool], options: dict[str, Any]
) -> None:
    answers = await assert_like_fastmcp(
        lambda _notes: app_with(getattr(Numbers(), name), kind, **options), *calls("tool", {"count": 3})
    )
    assert ("half way" if "fails" in name else "[0,1,2]") in answers[1].body


async def returns_an_async_generator_of_its_request(text: str) -> Any:
    async def generate() -> AsyncIterator[str]:
        await asyncio.sleep(0)
        yield f"{text} {key()}"

    return generate()


async def test_a_plain_tool_whose_code_proves_nothing_may_wait_in_its_result() -> None:
    answers = await assert_like_fastmcp(
        lambda _notes: app_with(returns_an_async_generator_of_its_request, PlainTool),
        *calls("tool", {"text": "hi"}),
        lane_calls=4,
    )
    assert "hi two" in answers[2].body


@pytest.mark.parametrize("kind", [FunctionTool, PlainTool])
async def test_a_generator_runs_beside_the_event_loop(kind: type[FunctionTool]) -> None:
    numbers = Numbers()
    await outcomes(lambda _notes: app_with(numbers.returns_generator, kind), *calls("tool", {"count": 3}))
    assert threading.get_ident() not in numbers.threads


async def plain(text: str) -> str:
    return text.upper()


async def louder(text: str) -> str:
    return f"{text}!"


def _tool(mcp: FastMCP[Any]) -> Any:
    return local_components(mcp)["tool:tool@"]


def change(**options: Any) -> Callable[[FastMCP[Any]], None]:
    """Return a step that changes options of the tool in place."""

    def step(mcp: FastMCP[Any]) -> None:
        for name, value in options.items():
            setattr(_tool(mcp), name, value)

    step.__name__ = " ".join(options)
    return step


def hide(mcp: FastMCP[Any]) -> None:
    _tool(mcp).meta["fastmcp"] = {"_internal": {"visibility": False}}


def wrap_results(mcp: FastMCP[Any]) -> None:
    _tool(mcp).output_schema["x-fastmcp-wrap-result"] = False


def replace_code(mcp: FastMCP[Any]) -> None:
    _tool(mcp).fn.__code__ = louder.__code__


def replace_run(mcp: FastMCP[Any]) -> None:
    async def run(_arguments: dict[str, Any]) -> Any:
        raise ValueError("replaced")

    _tool(mcp).__dict__["run"] = run


async def slow(text: str) -> str:
    await asyncio.sleep(30)
    return text


@pytest.mark.parametrize(
    ("step", "stays"),
    [
        (change(fn=louder), True),
        (change(fn=by_method), False),
        (change(auth=lambda _context: False), False),
        (change(fn=slow, timeout=0.01), False),
        (change(output_schema=None), True),
        (change(return_type=Any, output_schema=None), True),
        (change(version="2"), False),
        (change(name="other"), False),
        (change(run_in_thread=False), True),
        (change(description="other", tags={"a"}), True),
        (hide, False),
        (wrap_results, True),
        (replace_code, True),
        (replace_run, False),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
async def test_a_tool_that_is_changed_in_place_is_examined_again(step: Any, *, stays: bool) -> None:
    def make(_notes: list[str]) -> FastMCP[Any]:
        async def original(text: str) -> str:
            return text.upper()

        return app_with(original, meta={"mine": 1})

    requests = calls("tool", {"text": "hi"})
    await assert_like_fastmcp(
        make,
        *requests,
        step,
        *requests[1:],
        change(description="again"),
        *requests[1:],
        lane_calls=12 if stays else 4,
    )


def helper(text: str) -> str:
    return text


class Helping:
    @staticmethod
    def help(text: str) -> str:
        return text


class Writer:
    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text += f"{text.strip()} {key()}"


HANDLERS: dict[str, Any] = {}


async def by_helper(text: str) -> str:
    return f"{helper(text)} {Helping.help(text)} {HANDLERS.get(text, str)(text)}"


async def by_writer(text: str) -> str:
    writer = Writer()
    print(text, file=writer, end="")
    return writer.text


def with_key(text: str) -> str:
    return f"{text} {key()}"


@pytest.mark.parametrize("kind", [FunctionTool, PlainTool])
@pytest.mark.parametrize("part", ["function", "method", "handler"])
async def test_code_that_is_replaced_while_the_app_serves_finds_its_request(
    monkeypatch: pytest.MonkeyPatch, part: str, kind: type[FunctionTool]
) -> None:
    def replace(_mcp: FastMCP[Any]) -> None:
        if part == "function":
            monkeypatch.setattr(MODULE, "helper", with_key)
        elif part == "method":
            monkeypatch.setattr(Helping, "help", staticmethod(with_key))
        else:
            monkeypatch.setitem(HANDLERS, "hi", with_key)

    def restore(_mcp: FastMCP[Any]) -> None:
        monkeypatch.undo()

    requests = calls("tool", {"text": "hi"})
    answers = await assert_like_fastmcp(
        lambda _notes: app_with(by_helper, kind), *requests, replace, *requests[1:], restore, *requests[1:]
    )
    assert "two" in answers[7].body, "it was replaced"
    assert "two" not in answers[2].body


async def test_methods_that_a_library_calls_find_their_request() -> None:
    for kind in (FunctionTool, PlainTool):
        answers = await assert_like_fastmcp(
            lambda _notes, kind=kind: app_with(by_writer, kind),  # type: ignore[misc]
            *calls("tool", {"text": "hi"}),
        )
        assert "hi two" in answers[2].body


@pytest.mark.parametrize("arguments", [{"text": "hi"}, {"text": 5}, {"text": "\ud83d"}, {"text": "5"}, {}])
@pytest.mark.parametrize("annotation", [str, int, "datetime.date", "uuid.UUID", "tuple[int, ...]"])
async def test_strict_servers_validate_as_fastmcp_does(arguments: dict[str, Any], annotation: Any) -> None:
    import datetime
    import uuid

    names = {"datetime.date": datetime.date, "uuid.UUID": uuid.UUID, "tuple[int, ...]": tuple[int, ...]}

    def make(_notes: list[str]) -> FastMCP[Any]:
        async def strict(text: Any) -> str:
            return f"{type(text).__name__} {text!r}"

        strict.__annotations__ = {"text": names.get(annotation, annotation), "return": str}
        mcp: FastMCP[Any] = FastMCP("app", version="1", strict_input_validation=True)
        mcp.tool(strict, name="tool")
        return mcp

    values = [arguments, {"text": "2026-01-02"}, {"text": [1, 2]}, {"text": str(uuid.UUID(int=7))}]
    await assert_like_fastmcp(make, *(call for each in values for call in calls("tool", each)))


async def test_a_validator_that_fails_in_an_unusual_way_is_fastmcps() -> None:
    def explode(_value: Any) -> Any:
        raise RuntimeError("no ValueError")

    async def tool(text: Annotated[str, BeforeValidator(explode)]) -> str:
        return text

    tool.__annotations__ = {"text": Annotated[str, BeforeValidator(explode)], "return": str}
    for kind in (FunctionTool, PlainTool):
        await assert_like_fastmcp(
            lambda _notes, kind=kind: app_with(tool, kind),  # type: ignore[misc]
            *calls("tool", {"text": "x"}),
            lane_calls=0,
        )


async def test_a_log_filter_may_ask_for_the_request() -> None:
    """Code that the search cannot connect with a tool finds the truth in the context variables."""
    logger = logging.getLogger("beside")
    seen: list[str] = []

    class Noting(logging.Filter):
        def filter(self, _record: logging.LogRecord) -> bool:
            seen.append(f"{key()} {get_context().request_id}")
            return False

    async def logging_tool(text: str) -> str:
        logger.warning("called")
        return text

    logger.addFilter(Noting())
    try:
        for kind in (FunctionTool, PlainTool):
            seen.clear()
            requests = calls("tool", {"text": "x"})
            results = await outcomes(lambda _notes, kind=kind: app_with(logging_tool, kind), *requests)  # type: ignore[misc]
            assert len(seen) == 12
            assert seen[:4] == seen[4:8] == seen[8:]
            assert results["lane"].lane_calls == (4 if kind is PlainTool else 0)
    finally:
        logger.filters.clear()


async def test_a_tool_with_a_name_that_two_tools_have_is_fastmcps() -> None:
    def make(_notes: list[str]) -> FastMCP[Any]:
        mcp: FastMCP[Any] = FastMCP("app", version="1")
        mcp.add_tool(FunctionTool.from_function(louder, name="first"))
        mcp.add_tool(FunctionTool.from_function(plain, name="tool"))
        return mcp

    def rename(mcp: FastMCP[Any]) -> None:
        local_components(mcp)["tool:first@"].name = "tool"

    await assert_like_fastmcp(make, *calls("tool", {"text": "hi"}), before_start=rename, lane_calls=0)


class SpeechlessError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class Text(str):
    __slots__ = ()


async def raises_an_error_without_text(text: str) -> str:
    raise SpeechlessError


async def raises_a_group(text: str) -> str:
    raise ExceptionGroup("several", [ValueError(text)])


async def raises_stop_iteration(text: str) -> str:
    raise StopIteration(text)


async def raises_not_found(text: str) -> str:
    raise NotFoundError(text)


async def raises_for_a_model(text: str) -> str:
    return Number(x=text).text  # type: ignore[arg-type]


class Number(BaseModel):
    x: int
    text: str = ""


async def returns_encoded(text: str) -> Any:
    return EncodedJson(to_json({"text": text}))


async def names_tools(text: str) -> dict[str, Any]:
    names = {"_meta": {"fastmcp": {"toolNames": {"shown": "address"}}}}
    return {**names, "text": text, "button": {"action": "toolCall", "tool": "shown"}}


async def names_tools_in_a_result(text: str) -> ToolResult:
    return ToolResult(content=text, structured_content=await names_tools(text))


async def has_meta(text: str) -> dict[str, Any]:
    return {"_meta": {"own": text}}


async def returns_a_kind_of_text(text: str) -> str:
    return Text(text)


async def returns_bytes(text: str) -> bytes:
    return b"\xff" + text.encode()


UNUSUAL = [
    *(raises_an_error_without_text, raises_a_group, raises_stop_iteration, raises_not_found),
    *(raises_for_a_model, returns_encoded, names_tools, names_tools_in_a_result, has_meta),
    *(returns_a_kind_of_text, returns_bytes),
]


@pytest.mark.parametrize("fn", UNUSUAL, ids=lambda fn: fn.__name__)
@pytest.mark.parametrize("kind", [FunctionTool, PlainTool])
async def test_unusual_results_and_errors_are_fastmcps(fn: Any, kind: type[FunctionTool]) -> None:
    await assert_like_fastmcp(lambda _notes: app_with(fn, kind), *calls("tool", {"text": "hi"}), lane_calls=4)
