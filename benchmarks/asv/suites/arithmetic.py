"""The calculator's arithmetic without MCP: a lower bound for the cost of a call."""

from __future__ import annotations

import time

from .subject import subject

CALLS = 1000


class Arithmetic:
    """CPU time of 1000 calculations."""

    params = ("add", "subtract", "multiply", "divide")
    param_names = ("operation",)
    version = "1"
    timeout = 30
    timer = time.process_time
    rounds = 2
    repeat = 10

    def setup(self, operation: str) -> None:
        """Import the operation."""
        self.operation = getattr(subject("calculator_server.arithmetic"), operation)

    # asv calls a benchmark with a `setup` once per sample; without this loop it would mostly time the clock.
    def time_1000_calculations(self, _operation: str) -> None:
        """Calculate with operands that differ from call to call."""
        operation = self.operation
        for number in range(1, CALLS + 1):
            operation(number * 1.5, 0.1)


Arithmetic.time_1000_calculations.pretty_name = "Arithmetic: 1000 calculations (CPU time)"
