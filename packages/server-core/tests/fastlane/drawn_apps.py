"""Apps drawn at random, with steps that clients send them and changes that happen to them meanwhile."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import app_changes
import middleware_samples
from app_samples import LISTS, TOKENS, ByHeader, app, echo, with_components
from beside_fastmcp import Step, with_header
from fastmcp import Context, FastMCP
from fastmcp.dependencies import Depends
from fastmcp.server import create_proxy
from fastmcp.server.dependencies import get_access_token, get_http_headers
from fastmcp.server.middleware import Middleware
from fastmcp.server.middleware.caching import ResponseCachingMiddleware
from fastmcp.server.middleware.error_handling import ErrorHandlingMiddleware
from fastmcp.server.middleware.response_limiting import ResponseLimitingMiddleware
from fastmcp.server.middleware.timing import TimingMiddleware
from fastmcp.server.transforms import Namespace
from fastmcp.tools import Tool
from hypothesis import strategies as st
from in_memory import (
    Request,
    initialize,
    notification,
    request,
    session_call,
    stateless_call,
)
from in_memory import (
    delete as end_session,
)
from mcp.shared.exceptions import MCPError

from server_core import PlainTool


class Editing(Middleware):
    async def on_call_tool(self, context: Any, call_next: Any) -> Any:
        message = context.message.model_copy(update={"arguments": {"text": "edited"}})
        return await call_next(context.copy(message=message))


class Failing(Middleware):
    async def on_request(self, context: Any, call_next: Any) -> Any:
        if context.method.startswith("resources/"):
            raise MCPError(code=-32000, message="no resources today")
        return await call_next(context)


class FewComponents(Middleware):
    async def on_list_prompts(self, _context: Any, _call_next: Any) -> Any:
        return []

    async def on_list_resource_templates(self, _context: Any, _call_next: Any) -> Any:
        return []


def _of_class(kind: type[Middleware]) -> Callable[[list[str]], Any]:
    return lambda _notes: kind()


def _noting(hook: str) -> Callable[[list[str]], Any]:
    return lambda notes: middleware_samples.Noting(notes, hook)


_CLASSES = (
    *(ByHeader, Editing, Failing, FewComponents, TimingMiddleware, ErrorHandlingMiddleware),
    *(ResponseCachingMiddleware, middleware_samples.Refusing, middleware_samples.NoStrangers),
    middleware_samples.Welcoming,
)
_MAKERS = (
    *(middleware_samples.by_getattribute, middleware_samples.by_property, middleware_samples.by_call),
    *(middleware_samples.by_dispatch, middleware_samples.by_no_class, middleware_samples.by_mixin),
    middleware_samples.by_subclass_of_the_default,
)

MIDDLEWARE: dict[str, Callable[[list[str]], Any]] = {
    **{kind.__name__: _of_class(kind) for kind in _CLASSES},
    **{hook: _noting(hook) for hook in middleware_samples.HOOKS},
    **{make.__name__: make for make in _MAKERS},
    "limiting": lambda _notes: ResponseLimitingMiddleware(max_size=20),
}


# Tools that know of their request, openly or not.


def caller() -> str:
    token = get_access_token()
    return f"{get_http_headers().get('x-team', 'nobody')} {token.client_id if token else ''}"


def signed(fn: Any) -> Any:
    async def wrapper(text: str) -> str:
        return f"{await fn(text)} for {caller()}"

    wrapper.__wrapped__ = fn  # type: ignore[attr-defined] # as functools.wraps does
    return wrapper


class Desk:
    name = "desk"

    def sign(self, text: str) -> str:
        return f"{text} by {caller()}"

    async def tool(self, text: str) -> str:
        return self.sign(text)


DESK = Desk()


async def in_context(text: str, ctx: Context) -> str:
    return f"{text} {ctx.request_id}"


async def in_body(text: str) -> str:
    from fastmcp.server.dependencies import get_context

    return f"{text} {get_context().request_id}"


async def injected(text: str, who: str = Depends(caller)) -> str:
    return f"{text} {who}"


async def by_attribute(text: str) -> str:
    return DESK.sign(text)


async def counted(text: str) -> Any:
    for letter in text:
        yield letter


def counted_in_thread(text: str) -> Any:
    yield from text


async def hides(text: str, ctx: Context) -> str:
    await ctx.disable_components(names={text})
    return f"{text} is hidden"


async def shows(text: str, ctx: Context) -> str:
    await ctx.enable_components(names={text})
    return f"{text} is shown"


def in_thread(text: str) -> str:
    return text.upper()


def failing(text: str) -> str:
    raise ValueError(text)


def tools() -> dict[str, Tool]:
    """Return new tools, by name."""
    functions = (in_context, in_body, injected, by_attribute, counted, counted_in_thread, hides, shows)
    made = [Tool.from_function(fn) for fn in (*functions, in_thread, failing)]
    made += [
        Tool.from_function(signed(echo), name="signed"),
        Tool.from_function(DESK.tool, name="of_object"),
        Tool.from_function(echo, name="for_tokens", auth=lambda context: context.token is not None),
        Tool.from_function(echo, name="versioned", version="1"),
        PlainTool.from_function(by_attribute, name="trusted"),
        PlainTool.from_function(echo, name="explaining"),
    ]
    return {tool.name: tool for tool in made}


TOOLS = sorted(tools())


def mounted(**options: Any) -> FastMCP[Any]:
    mcp: FastMCP[Any] = FastMCP("parent", version="1", **options)
    mcp.mount(app())
    return mcp


APPS: dict[str, Callable[..., FastMCP[Any]]] = {
    "plain": app,
    "few": lambda **options: FastMCP("few", version="1", **options),
    "mounted": mounted,
    "proxy": lambda **_options: create_proxy(app(), name="proxy"),
    "transformed": lambda **options: app(transforms=[Namespace("api")], **options),
    "subclass": lambda **options: with_components(app_changes.NoDeletion("app", version="1", **options)),
}
OPTIONS: dict[str, dict[str, Any]] = {
    "none": {},
    "own schemas": {"dereference_schemas": False},
    "strict": {"strict_input_validation": True, "mask_error_details": True},
    "pages": {"list_page_size": 2},
    "described": {"instructions": "Be brief.", "experimental_capabilities": {"a": {"b": 1}}},
}

CHANGES = {**app_changes.CHANGES, **app_changes.IN_PLACE}


@dataclass(frozen=True)
class Case:
    """An app and what happens to it, by names, so that a failure can be read."""

    app: str
    options: str
    tools: tuple[str, ...]
    middleware: tuple[str, ...]
    has_tokens: bool
    steps: tuple[str | Request, ...]

    def make(self, notes: list[str]) -> FastMCP[Any]:
        """Return a new app."""
        mcp = APPS[self.app](**copy.deepcopy(OPTIONS[self.options]))
        for middleware in self.middleware:
            mcp.add_middleware(MIDDLEWARE[middleware](notes))
        made = tools()
        for name in self.tools:
            mcp.add_tool(made[name])
        mcp.notes = notes  # type: ignore[attr-defined]
        return mcp

    def all_steps(self) -> list[Step]:
        """Return what is sent and done; each request has its caller's token, if the server requires one."""
        return [step if isinstance(step, Request) else _change(step) for step in self.steps]


def _change(name: str) -> Callable[[FastMCP[Any]], object]:
    def change(mcp: FastMCP[Any]) -> None:
        notes: list[str] = mcp.notes  # type: ignore[attr-defined]
        try:
            if name.startswith("add "):
                mcp.add_middleware(MIDDLEWARE[name.removeprefix("add ")](notes))
            elif name == "remove middleware":
                mcp.middleware.pop(0)
            else:
                CHANGES[name](mcp)
        except Exception as error:  # noqa: BLE001 - not every change is possible in every app
            notes.append(f"{name}: {type(error).__name__}")

    return change


@st.composite
def requests(draw: st.DrawFn, names: tuple[str, ...], has_tokens: bool) -> Request:
    """Draw a request; most are calls."""
    session = draw(st.sampled_from([0, 0, 0, 1]))
    kind = draw(st.sampled_from(["call", "call", "call", "list", "list", "other"]))
    if kind == "call":
        name = draw(st.sampled_from([*names, "echo", "delete", "api_echo", "nobody"]))
        arguments: dict[str, Any] = draw(
            st.sampled_from([{"text": "hi"}] * 4 + [{"text": "echo"}, {"name": "x"}, {"text": 1}, {}])
        )
        one = draw(st.booleans())
        drawn = stateless_call(name, arguments) if one else session_call(name, arguments, session)
    elif kind == "list":
        params = draw(st.sampled_from([None, None, {}, {"cursor": "x"}]))
        drawn = request(draw(st.sampled_from(LISTS)), params, session)
    else:
        drawn = draw(
            st.sampled_from(
                [
                    initialize(),
                    initialize("2025-06-18", {"clientInfo": {"name": "u", "version": "2"}}),
                    notification("notifications/initialized", session=session),
                    notification("notifications/cancelled", {"requestId": 7}, session),
                    request("ping", session=session),
                    request("resources/read", {"uri": "data://one"}, session),
                    request("prompts/get", {"name": "ask", "arguments": {"about": "x"}}, session),
                    request("logging/setLevel", {"level": "debug"}, session),
                    end_session(session),
                ]
            )
        )
    team = draw(st.sampled_from(["", "", "echo", "delete in_body"]))
    drawn = with_header(drawn, "x-team", team) if team else drawn
    return (
        with_header(drawn, "authorization", f"Bearer {draw(st.sampled_from(TOKENS))}")
        if has_tokens
        else drawn
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw an app with steps; the first opens a session."""
    has_tokens = draw(st.integers(0, 4)) == 0
    names = tuple(draw(st.lists(st.sampled_from(TOOLS), max_size=4, unique=True)))
    middleware = tuple(draw(st.lists(st.sampled_from(sorted(MIDDLEWARE)), max_size=2)))
    opening = initialize()
    if has_tokens:
        opening = with_header(opening, "authorization", f"Bearer {TOKENS[0]}")
    change = st.sampled_from(
        [*sorted(CHANGES), *(f"add {name}" for name in sorted(MIDDLEWARE)), "remove middleware"]
    )
    request_step = requests(names, has_tokens)
    steps = draw(
        st.lists(st.one_of(request_step, request_step, request_step, change), min_size=4, max_size=12)
    )
    return Case(
        app=draw(st.sampled_from([*["plain"] * 5, *sorted(APPS)])),
        options=draw(st.sampled_from([*["none"] * 3, *sorted(OPTIONS)])),
        tools=names,
        middleware=draw(st.sampled_from([(), middleware])),
        has_tokens=has_tokens,
        steps=(opening, *steps),
    )
