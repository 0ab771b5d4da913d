"""The search for what code reaches: what it proves, what it finds, and what it cannot decide."""

from __future__ import annotations

import abc
import asyncio
import contextlib
import contextvars
import functools
import importlib
import json
import logging
import math
import operator
import sys
import weakref
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from types import ModuleType
from typing import Any, NamedTuple

import fastmcp.exceptions
import mcp_types
import pytest
from fastmcp import FastMCP
from fastmcp.server.dependencies import get_access_token, get_http_headers
from fastmcp.server.middleware import Middleware
from pydantic import BaseModel, field_validator

from server_core import caller
from server_core.fastlane.reachable_code import reach

logger = logging.getLogger("reachable")
VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="")
APP: FastMCP[Any] = FastMCP("app")
TABLE = {str(number): float(number) for number in range(20_000)}


def key() -> str:
    return get_http_headers().get("x-key", "")


class Shape(Enum):
    ROUND = "round"


class Pair(NamedTuple):
    left: int
    right: int


@dataclass
class Account:
    owner: str
    tags: list[str] = field(default_factory=list)

    def balance(self) -> float:
        return math.fsum([1.0])


class Order(BaseModel):
    price: float

    @field_validator("price")
    @classmethod
    def is_positive(cls, value: float) -> float:
        if value < 0:
            raise ValueError("expected a price of at least 0")
        return value


class Counter:
    def __init__(self) -> None:
        self.app = APP  # never read by the methods below
        self.count = 0

    def increment(self) -> int:
        self.count += 1
        return self.count


COUNTER = Counter()


async def arithmetic(a: float, b: float) -> float:
    return math.hypot(a, b) + sum(range(3))


async def parsing(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise fastmcp.exceptions.ToolError("no JSON") from error


async def own_classes(owner: str) -> Any:
    account = Account(owner)
    return account.balance(), Shape.ROUND, Pair(1, 2), Order(price=1)


async def counting() -> int:
    return COUNTER.increment()


async def looking_up(name: str) -> float:
    return TABLE.get(name, 0.0)


async def logs(text: str) -> None:
    logger.info("text %s", text)


async def asks_who_calls() -> str:
    return str(caller())


async def literal_getattr(value: Any) -> Any:
    return getattr(value, "size", None)


async def content(text: str) -> Any:
    return mcp_types.TextContent(type="text", text=text)


async def imports_in_its_body(text: str) -> str:
    import textwrap
    from base64 import b64encode

    return textwrap.dedent(text) + b64encode(text.encode()).decode()


@functools.lru_cache
def cached(number: int) -> int:
    return number + 1


@contextlib.contextmanager
def managed() -> Iterator[int]:
    yield 1


async def decorated() -> int:
    with managed() as number:
        return cached(number)


def decorator(fn: Any) -> Any:
    @functools.wraps(fn)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        return await fn(*args, **kwargs)

    return wrapper


@decorator
async def wrapped(text: str) -> str:
    return text


PROVEN: list[Callable[..., Any]] = [
    *(arithmetic, parsing, own_classes, counting, looking_up, logs, asks_who_calls, literal_getattr),
    *(
        content,
        imports_in_its_body,
        decorated,
        wrapped,
        functools.partial(arithmetic, 1.0),
        COUNTER.increment,
    ),
]


@pytest.mark.parametrize("function", PROVEN, ids=lambda function: getattr(function, "__name__", "partial"))
def test_ordinary_code_is_proven_not_to_depend_on_the_request(function: Callable[..., Any]) -> None:
    assert reach([function]).reason == ""


def body_import() -> str:
    from fastmcp.server.dependencies import get_context

    return get_context().request_id


def body_import_of_the_module() -> Any:
    import fastmcp.server.dependencies

    return fastmcp.server.dependencies.get_http_headers()


def reads_headers(fn: Any) -> Any:
    @functools.wraps(fn)
    def wrapper(text: str) -> str:
        return f"{key()} {fn(text)}"

    return wrapper


@reads_headers
def with_a_wrapper(text: str) -> str:
    return text


class Service:
    def __init__(self) -> None:
        self.read = key

    def by_method(self) -> str:
        return key()

    def by_attribute(self) -> str:
        return self.read()

    @property
    def by_property(self) -> str:
        return key()

    @staticmethod
    def by_static_method() -> str:
        return key()

    def __call__(self) -> str:
        return key()


class Formatted:
    def __format__(self, spec: str) -> str:
        return key()


class Attributed:
    def __getattr__(self, name: str) -> str:
        return key()


class Meta(type):
    def __getitem__(cls, name: str) -> str:
        return key()


class WithMeta(metaclass=Meta):
    pass


class Entered:
    def __enter__(self) -> str:
        return key()

    def __exit__(self, *_error: object) -> None:
        pass


class Based(abc.ABC):
    def run(self) -> str:
        return self.step()

    @abc.abstractmethod
    def step(self) -> str: ...


class Stepping(Based):
    def step(self) -> str:
        return key()


class Slotted:
    __slots__ = ("reader",)

    def __init__(self) -> None:
        self.reader = key


@dataclass
class Defaulted:
    key: str = field(default_factory=key)


class Listening(Middleware):
    pass


SERVICE, SLOTTED, STEPPING = Service(), Slotted(), Stepping()
FORMATTED, ATTRIBUTED = Formatted(), Attributed()
BY_NAME = {"key": key}
DEFAULTS: defaultdict[str, str] = defaultdict(key)
REFERENCE = weakref.ref(SERVICE)
CACHED = functools.lru_cache(key)


def tool_of(expression: str) -> Callable[..., Any]:
    """Return a function of this module with an expression as its body."""
    modules = {"asyncio": asyncio, "importlib": importlib, "operator": operator, "sys": sys}
    scope = {**globals(), **modules, "get_access_token": get_access_token}
    exec(f"async def tool(value=None):\n    return {expression}", scope)  # noqa: S102 - the test's own text
    return scope["tool"]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "expression",
    [
        "key()",
        "APP.name",
        "get_access_token()",
        "(lambda: key())()",
        "[key() for _ in range(1)]",
        "SERVICE.by_method()",
        "SERVICE.by_attribute()",
        "SERVICE.by_property",
        "SERVICE.by_static_method()",
        "SERVICE()",
        "Service().by_method()",
        "f'{FORMATTED}'",
        "ATTRIBUTED.anything",
        "WithMeta['x']",
        "Entered().__enter__()",
        "STEPPING.run()",
        "SLOTTED.reader()",
        "Defaulted()",
        "Listening()",
        "BY_NAME['key']()",
        "DEFAULTS['x']",
        "REFERENCE().by_method()",
        "CACHED()",
        "functools.partial(key)()",
        "sorted(['a'], key=BY_NAME.get)",
        "getattr(SERVICE, 'by_property')",
        "'{0.by_property}'.format(SERVICE)",
        "value.by_property",
        "value.by_static_method()",
        "list(map(Service.by_method, [SERVICE]))",
        "VARIABLE.get()",
        "mcp_types.InputRequiredResult()",
        "fastmcp.Client('http://x')",
        "with_a_wrapper('x')",
        "body_import()",
        "body_import_of_the_module()",
    ],
)
def test_everything_that_may_depend_on_the_request_is_reached(expression: str) -> None:
    reason = reach([tool_of(expression)]).reason
    assert "may depend on the request" in reason


def test_a_function_with_a_wrapper_is_reached_by_its_wrapper_and_by_what_it_wraps() -> None:
    assert "get_http_headers" in reach([with_a_wrapper]).reason
    outer = decorator(SERVICE.by_method)
    assert reach([outer]).reason


def test_defaults_and_variables_of_enclosing_functions_are_reached() -> None:
    hidden = get_http_headers

    async def closure() -> Any:
        return hidden()

    async def default(read: Any = get_http_headers) -> Any:
        return read()

    assert "it uses hidden" in reach([closure]).reason
    assert "it uses a default value" in reach([default]).reason


@pytest.mark.parametrize(
    "expression",
    [
        "getattr(SERVICE, value)()",
        "eval(value)",
        "exec(value)",
        "globals()[value]()",
        "vars(SERVICE)",
        "SERVICE.__dict__[value]",
        "__import__(value)",
        "importlib.import_module(value)",
        "operator.attrgetter(value)(SERVICE)",
        "operator.methodcaller(value)(SERVICE)",
        "sys.modules[value]",
        "[sys]",
        "tool.__globals__[value]",
        "undefined_so_far()",
    ],
)
def test_names_found_at_run_time_cannot_be_decided(expression: str) -> None:
    assert reach([tool_of(expression)]).reason.startswith("what it uses cannot be known")


def test_a_module_that_is_not_loaded_yet_is_named() -> None:
    def function() -> Any:
        import a_module_nobody_has  # type: ignore[import-not-found]

        return a_module_nobody_has

    assert reach([function]).unloaded == "a_module_nobody_has"
    assert reach([body_import]).unloaded == ""


def test_handlers_and_filters_of_a_logger_are_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    class ByKey(logging.Filter):
        def filter(self, _record: logging.LogRecord) -> bool:
            return bool(key())

    handler = logging.NullHandler()
    handler.addFilter(ByKey())
    assert reach([logs]).reason == ""
    monkeypatch.setattr(logger, "handlers", [handler])
    assert reach([logs]).reason


def test_a_patched_function_of_an_innocent_module_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reach([parsing]).reason == ""
    monkeypatch.setattr(json, "loads", lambda _text: key())
    assert reach([parsing]).reason


def test_attributes_of_an_instance_count_only_if_they_are_read() -> None:
    assert reach([COUNTER.increment]).reason == ""
    assert reach([tool_of("COUNTER.app")]).reason


def test_too_many_objects_cannot_be_decided() -> None:
    many = [[number] for number in range(30_000)]

    def function() -> int:
        return len(many)

    assert "too many" in reach([function]).reason


def test_async_generators_are_noticed() -> None:
    async def generated() -> Any:
        yield 1

    async def returns_it() -> Any:
        return generated()

    assert reach([returns_it]).makes_async_generators
    assert not reach([arithmetic]).makes_async_generators


def helper() -> int:
    return 1


class Writer:
    def write(self, _text: str) -> None:
        key()


@pytest.mark.parametrize(
    "expression",
    ["1", "math.hypot(3, 4)", "json.dumps([1])", "helper()", "'a'.upper()", "str(value)"],
)
def test_code_without_libraries_that_call_back_and_without_data_is_closed(expression: str) -> None:
    result = reach([tool_of(expression)])
    assert (result.reason, result.is_closed) == ("", True)


@pytest.mark.parametrize(
    "expression",
    [
        "logger.info('x')",
        "TABLE['1']",
        "COUNTER.increment()",
        "caller()",
        "print('x', file=Writer())",
        "asyncio.sleep(0)",
        "cached(1)",
    ],
)
def test_other_code_may_run_what_the_search_has_not_seen(expression: str) -> None:
    result = reach([tool_of(expression)])
    assert (result.reason, result.is_closed) == ("", False)


MEMBERS = """
from fastmcp.server.dependencies import get_http_headers

class Stamp:
    def stamped(self):
        return get_http_headers().get("x-key", "")
"""


def module(monkeypatch: pytest.MonkeyPatch, name: str, source: str) -> ModuleType:
    made = ModuleType(name)
    monkeypatch.setitem(sys.modules, name, made)
    exec(source, made.__dict__)  # noqa: S102 - the tests write it
    return made


def test_a_name_stands_for_members_of_modules_that_the_code_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    module(monkeypatch, "stamps", MEMBERS)
    sees = module(monkeypatch, "post", "import stamps\ndef send(letter):\n    return letter.stamped()")
    assert "get_http_headers" in reach([sees.send]).reason
    knows_nothing = module(monkeypatch, "mail", "def send(letter):\n    return letter.stamped()")
    assert reach([knows_nothing.send]).reason == ""
    later = module(
        monkeypatch, "courier", "import mail, post\ndef send(letter):\n    return mail.send(letter)"
    )
    assert "get_http_headers" in reach([later.send]).reason
