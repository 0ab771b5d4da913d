"""The part of the ladder that runs in the app's interpreter, here in that of the tests."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from perf_core.runs.ladder.app_side.asgi import call_parts, endpoint, http_app, result_in
from perf_core.runs.ladder.app_side.layers import Layers
from perf_core.runs.ladder.app_side.loading import AppError, load_app
from perf_core.runs.ladder.app_side.timing import Commands


@pytest.fixture(autouse=True)
def _imports_undone() -> Iterator[None]:
    """Forget the modules and folders of the apps."""
    modules, folders = set(sys.modules), list(sys.path)
    yield
    for name in set(sys.modules) - modules:
        if name.endswith("shop_of_ladder"):
            del sys.modules[name]
    sys.path[:] = folders


def place(file: Path, attribute: str = "mcp") -> dict[str, Any]:
    return {"module": "", "file": str(file), "attribute": attribute}


def prepared(app: Any, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Return which layers can be timed, after each was timed once."""

    async def run() -> dict[str, Any]:
        commands = Commands(app)
        try:
            answer = await commands.prepare(tool, arguments)
            for layer in answer["layers"]:
                timing = await commands.time(layer, 2)
                assert timing["wall_s"] > 0
                assert timing["cpu_s"] >= 0
            return answer
        finally:
            await commands.close()

    return asyncio.run(run())


def test_every_layer_of_an_app_can_be_timed(shop: Path) -> None:
    app = load_app(place(shop))
    answer = prepared(app, "total", {"items": [{"price": 2.5}, {"price": 4}]})
    assert answer == {"layers": list(Layers.NAMES), "left_out": {}}


def test_a_function_that_is_not_async_can_be_timed(shop: Path) -> None:
    assert prepared(load_app(place(shop)), "plain", {"a": 1})["layers"] == list(Layers.NAMES)


def test_an_app_of_the_official_sdk_can_be_timed(sdk_shop: Path) -> None:
    answer = prepared(load_app(place(sdk_shop)), "plain", {"a": 1})
    assert answer == {"layers": list(Layers.NAMES), "left_out": {}}


def test_the_function_gets_arguments_of_its_own_types(shop: Path) -> None:
    async def run() -> Any:
        layers = Layers(load_app(place(shop)), "total", {"items": [{"price": 2.5}]})
        call = await layers.function()
        (item,) = call.keywords["items"] if call.keywords else call.args[0]
        assert type(item).__name__ == "Item"
        return await call()

    assert asyncio.run(run()) == 2.5


def test_a_layer_that_needs_a_request_is_left_out_with_its_reason(shop: Path) -> None:
    answer = prepared(load_app(place(shop)), "asks_context", {"text": "hi"})
    assert answer["left_out"]["function"] == "only a request has what it takes as ctx"
    assert {"server", "session", "app"} <= set(answer["layers"])


def test_a_tool_that_fails_has_no_layer_to_time(shop: Path) -> None:
    answer = prepared(load_app(place(shop)), "fails", {})
    assert answer["layers"] == []
    assert "it is closed today" in answer["left_out"]["app"]


def test_a_tool_that_does_not_exist_is_told(shop: Path) -> None:
    answer = prepared(load_app(place(shop)), "no_such", {})
    assert "no_such" in answer["left_out"]["tool"]


@pytest.mark.parametrize("attribute", ["mcp", "create_server", "create_later", ""])
def test_apps_are_loaded_by_name_by_a_factory_or_alone(attribute: str, shop: Path) -> None:
    assert load_app(place(shop, attribute)).name == "shop"


@pytest.mark.parametrize(
    ("attribute", "message"),
    [
        ("server", "expected server in shop_of_ladder, which has no such name; apps in it: mcp"),
        ("number", "expected a FastMCP app or a function that returns one in number, got builtins.int"),
        ("create_with", "expected an app or a function without arguments in create_with"),
    ],
)
def test_what_is_no_app_is_an_error(attribute: str, message: str, shop: Path) -> None:
    with pytest.raises(AppError) as error:
        load_app(place(shop, attribute))
    assert message in str(error.value)


def test_a_module_without_an_app_is_an_error() -> None:
    with pytest.raises(AppError, match="expected one FastMCP app in json, got none"):
        load_app({"module": "json", "file": "", "attribute": ""})


def test_the_endpoint_is_the_apps_own(shop: Path) -> None:
    assert endpoint(http_app(load_app(place(shop)))) == "/mcp"


def test_results_are_read_from_json_and_from_streams() -> None:
    text = b'{"jsonrpc":"2.0","id":1,"result":{"isError":false}}'
    assert (
        result_in(text) == result_in(b"event: message\r\ndata: " + text + b"\r\n\r\n") == {"isError": False}
    )
    with pytest.raises(AppError, match="no such tool"):
        result_in(b'{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"no such tool"}}')


def test_a_call_has_its_number_between_two_parts() -> None:
    head, tail = call_parts("add", {"id": 1, "a": ":1,"})
    assert head == b'{"jsonrpc":"2.0","id":'
    assert tail.endswith(b'"arguments":{"id":1,"a":":1,"}}}')


def test_it_imports_nothing_of_the_lab() -> None:
    from perf_core.runs.ladder import app_side

    folder = Path(inspect.getfile(app_side)).parent
    for path in folder.glob("*.py"):
        assert "perf_core" not in path.read_text(encoding="utf-8")
