"""Tool calls within the process: the cost that FastMCP and the server add to the arithmetic, without HTTP."""

from __future__ import annotations

import asyncio
import time

from .in_memory import ServedInMemory
from .subject import subject

CALLS = 100


class FastMcpDispatch:
    """Calls through FastMCP's `call_tool`: no wire, no JSON."""

    version = "1"
    timeout = 60
    timer = time.process_time
    rounds = 2
    repeat = 5

    def setup(self) -> None:
        """Create the app and call it, so that everything created on first use exists."""
        self.app = subject("calculator_server.server").create_server()
        self.loop = asyncio.new_event_loop()
        self.loop.run_until_complete(self._call(10))

    def teardown(self) -> None:
        """Close the loop; asv also calls this if `setup` raised."""
        if hasattr(self, "loop"):
            self.loop.close()

    def time_100_calls(self) -> None:
        """Call one tool after the other."""
        self.loop.run_until_complete(self._call(CALLS))

    async def _call(self, calls: int) -> None:
        for number in range(calls):
            await self.app.call_tool("add", {"a": number * 1.5, "b": 0.1})


class AsgiApp:
    """Calls of the complete served app, including guard and limits, without a socket."""

    params = ("session", "stateless")
    param_names = ("wire",)
    version = "1"
    timeout = 60
    timer = time.process_time
    rounds = 2
    repeat = 5

    def setup(self, wire: str) -> None:
        """Start the app and make the first calls."""
        make_server = subject("calculator_server.server").create_server
        settings = subject("calculator_server.settings").CalculatorSettings()
        app = subject("server_core.app").create_app(make_server(), settings)
        self.served = ServedInMemory(app, wire)
        self.served.start()
        self.served.call(10)

    def teardown(self, _wire: str) -> None:
        """Stop the app."""
        if hasattr(self, "served"):
            self.served.stop()

    def time_100_calls(self, _wire: str) -> None:
        """Send one request after the other and check each answer."""
        self.served.call(CALLS)


FastMcpDispatch.time_100_calls.pretty_name = "FastMCP in memory: 100 calls (CPU time)"
AsgiApp.time_100_calls.pretty_name = "ASGI app without a socket: 100 calls (CPU time)"
