"""Content of a report, apart from its format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from perf_core.report.notices import Notice
from perf_core.report.summary import Tone
from perf_core.report.table import Table


@dataclass(frozen=True)
class Tile:
    """A figure that is shown large, with its unit: ``Tile("capacity", "at least 820 calls/s")``."""

    label: str
    text: str


@dataclass(frozen=True)
class Drawing:
    """A figure of the page, which the terminal and Markdown leave out: a table has the same values.

    Attributes:
        svg: Whole ``<svg>`` element without scripts, coloured by the variables of ``page.css``.
        caption: What it shows, in sentences.
    """

    title: str
    svg: Markup
    caption: str


@dataclass(frozen=True)
class View:
    """A report. Texts may come from a server or a file: each format escapes them.

    Attributes:
        word: Answer at a glance, for a badge: ``PASS``, ``CAPACITY``, ``CANNOT TELL``.
        tone: Colour of the badge.
        subject: What was measured: target and wire.
        summary: The answer in one sentence that a manager understands.
        reasons: Further sentences, one per line.
        notices: Remarks on the measurement itself, such as its health.
        tiles: Key figures, at most five.
        parts: Tables and drawings in the order of reading.
        when: When, on which machine and how it was measured, in one line.
        manifest: Circumstances, nested names and values.
    """

    word: str
    tone: Tone
    subject: str
    summary: str
    when: str
    manifest: Mapping[str, Any]
    reasons: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()
    tiles: tuple[Tile, ...] = ()
    parts: tuple[Table | Drawing, ...] = ()
