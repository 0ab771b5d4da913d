"""Calls that were drawn: how strictly each tool's answers are checked, and which tools are left out.

:mod:`perf_core.targets.discovery` finds it out; records and reports repeat it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Strictness = Literal["exact", "members", "schema", "no error"]

STRICTNESSES: tuple[Strictness, ...] = ("exact", "members", "schema", "no error")
"""From the strictest to the weakest: the whole answer; its stable parts; its types; that it is no error."""


@dataclass(frozen=True)
class ToolCheck:
    """Calls of one tool and how strictly their answers are checked under load.

    Attributes:
        calls: Number of different calls by how strictly their answers are checked.
        arguments: Arguments of one call, as JSON text, shortened.
        answer: The answer to that call on the idle server, shortened.
        call_s: Median time of a call on the idle server.
        failed_tries: Calls with other arguments that the server answered with an error.
        doubt: Why the answers may be errors in disguise; empty if they look right.
    """

    tool: str
    calls: Mapping[Strictness, int]
    arguments: str
    answer: str
    call_s: float = 0.0
    failed_tries: int = 0
    doubt: str = ""

    @property
    def strictness(self) -> Strictness:
        """Strictness of the call that is checked least."""
        return max(self.calls, key=STRICTNESSES.index, default="no error")


@dataclass(frozen=True)
class LeftOut:
    """A tool that the load does not call.

    Attributes:
        reason: Why, in half a sentence.
        tries: Calls that were tried.
        arguments: Arguments of the last try, as JSON text, shortened; empty without one.
        advice: What to do to have it called; may be empty.
    """

    tool: str
    reason: str
    tries: int = 0
    arguments: str = ""
    advice: str = ""


@dataclass(frozen=True)
class Discovery:
    """Result of drawing calls from what a server lists.

    Attributes:
        seed: Seed of the draw.
        duration_s: Time that it took.
        checks: Tools in the load.
        left_out: Tools that are not.
        warnings: Sentences that a reader must see before the figures.
    """

    seed: int
    duration_s: float
    checks: tuple[ToolCheck, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    warnings: tuple[str, ...] = ()
