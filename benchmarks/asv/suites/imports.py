"""Cost of loading the calculator: import time in a fresh process, and memory."""

from __future__ import annotations

import asyncio

from .subject import subject


class Import:
    """Import of the server's module in a separate process."""

    version = "1"
    timeout = 60
    rounds = 2
    repeat = 3
    number = 1
    warmup_time = 0

    def setup(self) -> None:
        """Skip commits without a calculator; importing also puts its files into the cache for all samples."""
        subject("calculator_server.server")

    def timeraw_import(self) -> str:
        """Return the statement to time."""
        return "import calculator_server.server"


class Memory:
    """Peak memory of a process that imports the calculator and calls it once."""

    version = "1"
    timeout = 60

    def setup(self) -> None:
        """Skip commits without a calculator."""
        subject("calculator_server")

    def peakmem_import_and_one_call(self) -> None:
        """Import, create the app, call one tool."""
        app = subject("calculator_server.server").create_server()
        asyncio.run(app.call_tool("add", {"a": 1.0, "b": 2.0}))


Import.timeraw_import.pretty_name = "Import of calculator_server.server"
Memory.peakmem_import_and_one_call.pretty_name = "Peak memory: import and one call"
