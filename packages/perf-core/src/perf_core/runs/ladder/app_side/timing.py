"""Times calls through the layers of an app."""

from __future__ import annotations

import gc
import inspect
import time
from typing import Any

from .asgi import result_in
from .layers import Call, Layers
from .loading import AppError

WARM_UP_CALLS = 20
WARM_UP_S = 0.2


async def once(call: Call) -> Any:
    """Make a call and return its answer."""
    answer = call()
    return await answer if inspect.isawaitable(answer) else answer


async def warm_up(call: Call) -> int:
    """Make a few calls, for a fifth of a second at most, and return their number."""
    began = time.perf_counter()
    number = 0
    while number < WARM_UP_CALLS and time.perf_counter() - began < WARM_UP_S:
        await once(call)
        number += 1
    return number


async def timed(call: Call, loops: int, *, waits: bool) -> dict[str, float]:
    """Return wall and CPU seconds of ``loops`` calls, one after another."""
    await warm_up(call)
    # As a server does after its start: else a collection would visit all that was imported.
    gc.collect()
    gc.freeze()
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    if waits:
        for _ in range(loops):
            await call()
    else:
        for _ in range(loops):
            call()
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    return {"wall_s": wall_s, "cpu_s": cpu_s}


class Commands:
    """Requests that the lab can make; each method takes the members of a request."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._layers: Layers | None = None
        self._calls: dict[str, Call] = {}
        self._waits: dict[str, bool] = {}

    async def prepare(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Make one call through each layer; return which can be timed, and why others cannot."""
        self._layers = Layers(self._app, tool, arguments)
        reasons: dict[str, str] = {}
        for name in Layers.NAMES:
            try:
                call = await getattr(self._layers, name)()
                answer = call()
                self._waits[name] = inspect.isawaitable(answer)
                problem = failure_in(await answer if self._waits[name] else answer)
                if problem:
                    raise AppError(problem)
            except Exception as error:  # noqa: BLE001 - an app may raise anything
                reasons[name] = str(error) or type(error).__name__
            else:
                self._calls[name] = call
        return {"layers": list(self._calls), "left_out": reasons}

    async def time(self, layer: str, loops: int) -> dict[str, float]:
        """Time calls through a layer."""
        return await timed(self._calls[layer], loops, waits=self._waits[layer])

    async def close(self) -> None:
        """Leave what calls need."""
        if self._layers is not None:
            await self._layers.close()


def failure_in(answer: Any) -> str:
    """Return what an answer says about a failure; empty for a right one."""
    if isinstance(answer, bytes):
        result = result_in(answer)
        return str(result.get("content"))[:200] if result.get("isError") else ""
    # The second is the older name, which newer releases warn of.
    name = "is_error" if hasattr(answer, "is_error") else "isError"
    return str(getattr(answer, "content", answer))[:200] if getattr(answer, name, False) is True else ""
