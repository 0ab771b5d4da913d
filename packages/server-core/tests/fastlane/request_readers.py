"""Tools that read a header or an id of their request, in every way Python offers, and calls for them."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Annotated, Any

from beside_fastmcp import with_header
from fastmcp import FastMCP
from fastmcp.server.dependencies import get_access_token, get_context, get_http_headers
from fastmcp.tools import FunctionTool
from in_memory import Request, initialize, session_call, stateless_call
from lane_apps import app_with
from pydantic import BaseModel, BeforeValidator, computed_field

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


def app_of(fn: Any, kind: type[FunctionTool] = FunctionTool, **options: Any) -> FastMCP[Any]:
    """Return an app with one tool, named `tool`."""
    return app_with(kind.from_function(fn, name="tool", **options))
