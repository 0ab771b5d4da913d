"""Marks, colours and safe text for Markdown and the terminal, shared by all reports."""

from __future__ import annotations

import re
from collections.abc import Mapping

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from perf_core.report.bounds import AT_LEAST
from perf_core.report.summary import Tone
from perf_core.report.wording import DASH, MICRO, MINUS, plain, printable

MARKS: Mapping[Tone, str] = {"good": "✅", "bad": "❌", "unsure": "⚠️", "neutral": "⚪"}
STYLES: Mapping[Tone, str] = {"good": "green", "bad": "red", "unsure": "yellow", "neutral": "dim"}

_ASCII = {DASH: "-", MICRO: "u", MINUS: "-", "±": "+-", AT_LEAST: ">="}


def markdown_text(text: str) -> str:
    """Return ``text`` on one line, escaped so that it cannot become Markdown, HTML or a link."""
    escaped = plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # "://" is split so that an address from a record does not become a link.
    return re.sub(r"([\\`*_{}\[\]#|~!@$])", r"\\\1", escaped).replace("://", ":&#47;/")


def markdown_table(headings: tuple[str, ...], rows: list[tuple[str, ...]], rules: tuple[str, ...]) -> str:
    """Return a table; the cells are escaped already, ``rules`` are ``:--`` or ``--:`` for each column."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (headings, rules, *rows))


def terminal_text(text: str, console: Console, style: str = "") -> Text:
    """Return ``text`` without markup, with what the console cannot encode replaced.

    A server's name must neither style the report nor control the terminal nor, on an ASCII terminal or a
    Windows code page, end the command.
    """
    text = printable(text)
    if not is_unicode(console):
        for character, substitute in _ASCII.items():
            text = text.replace(character, substitute)
    return Text(text.encode(console.encoding, "replace").decode(console.encoding), style=style)


def verdict_line(word: str, subject: str, tone: Tone, console: Console) -> Text:
    """Return the first line of a report: the verdict as a badge, then what was measured."""
    line = terminal_text(f" {word} ", console, f"bold reverse {STYLES[tone]}")
    return line.append_text(terminal_text(f" {subject}", console, "bold"))


def terminal_table(console: Console, title: str = "") -> Table:
    """Return an empty table in the style of all reports."""
    return Table(
        title=terminal_text(title, console, "bold") if title else None,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        padding=(0, 1 if console.width < 100 else 2, 0, 0),
    )


def is_unicode(console: Console) -> bool:
    """Return whether the console can show every character of the reports."""
    return console.encoding.lower().startswith("utf")
