"""Middleware and routes of a program, in a form that worker processes can get."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.reduction import ForkingPickler
from typing import Any, Final

from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route

from server_core.errors import WorkerError


@dataclass(frozen=True)
class HttpParts:
    """Starlette middleware and routes of a program."""

    middleware: tuple[Middleware, ...] = ()
    routes: tuple[BaseRoute, ...] = ()

    def check(self) -> None:
        """Raise WorkerError if worker processes cannot get these."""
        for part in (*self.middleware, *self.routes):
            try:
                ForkingPickler.dumps(part)
            except Exception as error:  # pickle raises errors of many kinds
                raise WorkerError(
                    f"{part!r} cannot be passed to worker processes ({error}): define its functions and "
                    "classes in a module, or use one worker"
                ) from error


def _rebuild(
    path: str, endpoint: Callable[..., Any], methods: set[str] | None, name: str, include_in_schema: bool
) -> Route:
    methods_list = None if methods is None else sorted(methods)
    return Route(path, endpoint, methods=methods_list, name=name, include_in_schema=include_in_schema)


def _reduce(route: Route) -> tuple[Any, ...]:
    """Reduce a route to what it was made of: it wraps its function in one that pickle cannot find."""
    is_plain = route.app is route.endpoint or "request_response" in getattr(route.app, "__qualname__", "")
    if not is_plain:
        raise TypeError("the route has middleware of its own; wrap its function instead")
    parts = (route.path, route.endpoint, route.methods, route.name, route.include_in_schema)
    return _rebuild, parts


NO_PARTS: Final = HttpParts()

ForkingPickler.register(Route, _reduce)
