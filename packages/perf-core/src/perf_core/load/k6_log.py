"""Exceptions of the lab's own scripts in k6's log; pure functions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from perf_core.server.credentials.masking import cut

_STACK_LINE = re.compile(r"\s+at \S")
_MESSAGE_CHARACTERS = 300


def script_faults(lines: Iterable[str]) -> tuple[str, ...]:
    """Return a fault for each exception in the scripts that k6 logged, most frequent first.

    An iteration that ends with an exception judges nothing more, so that a load with one is no measurement.
    k6 logs the exception's message and below it the stack of calls.

    Example::

        script_faults(["SyntaxError: no pattern", "\\tat call (file:///k6/lib/virtual_user.js:1:2(3))"])
    """
    counts: Counter[str] = Counter()
    before = ""
    for line in lines:
        if not _STACK_LINE.match(line):
            before = line.strip()
        elif before:
            counts[cut(before, _MESSAGE_CHARACTERS)] += 1
            # The rest of the stack belongs to the same exception.
            before = ""
    return tuple(
        f"an exception in the scripts left answers unjudged ({count} logged): {message}"
        for message, count in counts.most_common()
    )
