"""Records in which every text is hostile: somebody may have edited them, or a server may have chosen it."""

from __future__ import annotations

import dataclasses
import io
import types
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from rich.console import Console

from perf_core.comparison.model import Comparison
from perf_core.report import comparison as of_servers
from perf_core.report import html, junit, markdown, prometheus, terminal
from perf_core.report.comparison import page
from perf_core.report.comparison import text as of_two
from perf_core.report.wording import escaped
from perf_core.results.record import RunRecord

HOSTILE = "[/nope][red]</script><b>&\"' \x1b[31m\x00\x9b\u202e\ufffe\ud800\t\r\n |x|"
"""Markup of every format, and characters that control a terminal, reverse a line or break XML and UTF-8."""


def filled(kind: Any, turn: int) -> Any:
    """Return a value of a type in which every text is hostile; ``turn`` chooses among given words."""
    origin, arguments = get_origin(kind), get_args(kind)
    value: Any = {str: HOSTILE, bool: bool(turn % 2), int: 1, float: 2.5}.get(kind)
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        value = kind(**{each.name: filled(hints[each.name], turn) for each in dataclasses.fields(kind)})  # type: ignore[operator] # a class
    elif origin is Literal:
        value = arguments[turn % len(arguments)]
    elif origin in (Union, types.UnionType):
        given = [each for each in arguments if each is not type(None)]
        value = filled(str if str in given else given[0], turn)
    elif origin is tuple:
        each = arguments[:1] * 2 if arguments[-1] is Ellipsis else arguments
        value = tuple(filled(one, turn) for one in each)
    elif kind == Mapping[str, Any]:  # the manifest
        value = {"machine": {"cpu": HOSTILE}, "command": HOSTILE, HOSTILE: {HOSTILE: [HOSTILE]}}
    elif isinstance(origin, type) and issubclass(origin, Mapping):
        keys = get_args(arguments[0]) or (filled(arguments[0], turn),)
        value = {key: filled(arguments[1], turn) for key in keys}
    elif isinstance(origin, type) and issubclass(origin, Sequence):
        value = [filled(arguments[0], turn)]
    assert value is not None, kind
    return value


def in_terminal(render: Callable[[Any, Console], None]) -> Callable[[Any], str]:
    def rendered(value: Any) -> str:
        out = io.StringIO()
        render(value, Console(file=out, width=100))
        return out.getvalue()

    return rendered


RUN = (html.render, junit.render, markdown.render, prometheus.render, in_terminal(terminal.render))
COMPARISON = (of_servers.html_page, of_servers.markdown, in_terminal(of_servers.terminal))
"""Reports of several servers, which a record with two pairings has."""

OF_TWO = (page.render, of_two.markdown, in_terminal(of_two.terminal))


@pytest.mark.parametrize("turn", range(6))
@pytest.mark.parametrize(
    ("kind", "render"),
    [*((RunRecord, each) for each in RUN), *((Comparison, each) for each in (*COMPARISON, *OF_TWO))],
)
def test_no_text_of_a_record_controls_what_shows_it(
    kind: type, render: Callable[[Any], str], turn: int
) -> None:
    text = render(filled(kind, turn))
    assert escaped(text) == text, "no character of it has to be escaped"
    assert "<b>" not in text or render not in (html.render, page.render, of_servers.html_page)
    text.encode()
    if render is junit.render:
        ET.fromstring(text.encode())  # noqa: S314 - our own output
