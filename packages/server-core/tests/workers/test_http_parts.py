from __future__ import annotations

import pickle
from multiprocessing.reduction import ForkingPickler
from typing import Any

import pytest
from starlette.endpoints import HTTPEndpoint
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from server_core import WorkerError
from server_core.workers.http_parts import HttpParts


def page(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("page")


class Page(HTTPEndpoint):
    """A page that is a class."""


class Plain:
    """Middleware that does nothing."""

    def __init__(self, app: Any) -> None:
        self.app = app


def passed_on(part: Any) -> Any:
    return pickle.loads(ForkingPickler.dumps(part))  # noqa: S301 - made in the line itself


def test_routes_arrive_as_they_were() -> None:
    HttpParts(routes=(Route("/page", page), Mount("/below", routes=[Route("/page", Page)]))).check()
    route = passed_on(Route("/page/{name}", page, methods=["POST"], name="it", include_in_schema=False))
    assert (route.path, route.endpoint, route.methods) == ("/page/{name}", page, {"POST"})
    assert (route.name, route.include_in_schema) == ("it", False)
    assert passed_on(Route("/page", page)).methods == {"GET", "HEAD"}
    assert passed_on(Route("/page", Page)).endpoint is Page


@pytest.mark.parametrize(
    "parts",
    [
        HttpParts(routes=(Route("/page", lambda _request: PlainTextResponse("x")),)),
        HttpParts(routes=(Route("/page", page, middleware=[Middleware(Plain)]),)),
        HttpParts(middleware=(Middleware(Plain, lambda: None),)),
    ],
    ids=["lambda", "middleware of a route", "option of middleware"],
)
def test_what_cannot_be_passed_on_is_named(parts: HttpParts) -> None:
    with pytest.raises(WorkerError, match="cannot be passed to worker processes"):
        parts.check()
