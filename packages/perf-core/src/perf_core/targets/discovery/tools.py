"""The tools that a server lists, and which of them may be called without being asked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from perf_core.load.plan import RESERVED_LABELS
from perf_core.server.checks import LeftOut

_UNUSABLE_AS_LABEL = re.compile(r"[,{}\"\x00-\x1f]|^\s|\s$|^$")
"""Characters that a name of figures cannot have; see :mod:`perf_core.load.plan`."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@dataclass(frozen=True)
class DrawOptions:
    """Choices of the user for drawn calls.

    Attributes:
        seed: Seed of the draw; the same seed draws the same arguments for the same answers.
        allow_writes: Whether tools are called that do not say ``readOnlyHint: true``. Those that say
            ``destructiveHint: true`` are called only if they are named.
        only: Tools to call, and no others; to name a tool is to permit its calls, whatever it says.
        time_limit_s: Longest time for all calls together.
    """

    seed: int = 1
    allow_writes: bool = False
    only: tuple[str, ...] = ()
    time_limit_s: float = 45.0


@dataclass(frozen=True)
class Tool:
    """One tool as a server lists it.

    Attributes:
        input_schema: JSON Schema of the arguments, as listed; it may be anything.
        output_schema: JSON Schema of the structured content; None without one.
        read_only: Whether it says ``readOnlyHint: true``.
        destructive: Whether it says ``destructiveHint: true``.
        needs_task: Whether it answers only in a task, which the lab does not do.
    """

    name: str
    description: str = ""
    input_schema: Any = None
    output_schema: Mapping[str, Any] | None = None
    read_only: bool = False
    destructive: bool = False
    needs_task: bool = False

    @property
    def words(self) -> frozenset[str]:
        """Words of its name, in singular."""
        return words_of(self.name)


def words_of(name: str) -> frozenset[str]:
    """Return the words of a name in singular and lower case.

    Example::

        words_of("listUser_IDs")     # {"list", "user", "id"}
    """
    # "IDs" is the plural of an abbreviation, not the words "I" and "Ds".
    plain = re.sub(r"(?<![A-Z])([A-Z]{2,}+)s\b", r"\1", name)
    return frozenset(singular(word.lower()) for word in _WORD.findall(plain))


def singular(word: str) -> str:
    """Return an English word in singular, as far as simple rules go."""
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    if word.endswith(("ches", "shes", "sses", "xes")):
        return word[:-2]
    if len(word) > 2 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def parse_tools(listed: Iterable[Mapping[str, Any]]) -> list[Tool]:
    """Return the listed tools, each name once."""
    tools: dict[str, Tool] = {}
    for entry in listed:
        tool = _parse(entry)
        tools.setdefault(tool.name, tool)
    return list(tools.values())


def _parse(entry: Mapping[str, Any]) -> Tool:
    hints, execution, output = (
        value if isinstance(value := entry.get(name), Mapping) else None
        for name in ("annotations", "execution", "outputSchema")
    )
    return Tool(
        name=str(entry.get("name") or ""),
        description=str(entry.get("description") or ""),
        input_schema=entry.get("inputSchema"),
        output_schema=output,
        # Only the value true permits a call: "true" or 1 may mean anything.
        read_only=bool(hints) and (hints or {}).get("readOnlyHint") is True,
        destructive=bool(hints) and (hints or {}).get("destructiveHint") is True,
        needs_task=bool(execution) and (execution or {}).get("taskSupport") == "required",
    )


def refusal(tool: Tool, options: DrawOptions) -> LeftOut | None:
    """Return why a tool is not called; None if it may be."""
    is_named = tool.name in options.only
    reason, advice = "", ""
    if options.only and not is_named:
        reason = "not named by --tool"
    elif _UNUSABLE_AS_LABEL.search(tool.name):
        reason = "figures cannot have its name (commas, braces, quotes, blanks at an end)"
    elif tool.name in RESERVED_LABELS:
        reason = f"figures cannot have its name, since {tool.name!r} has a meaning of its own there"
    elif tool.destructive and not is_named:
        reason, advice = "it says destructiveHint: true", f"--tool {tool.name} permits its calls"
    elif not (tool.read_only or options.allow_writes or is_named):
        reason = "it does not say readOnlyHint: true"
        advice = f"--allow-writes or --tool {tool.name} permits its calls"
    elif tool.needs_task:
        reason = "it answers only in a task, and the lab starts none"
    return LeftOut(tool.name, reason, advice=advice) if reason else None
