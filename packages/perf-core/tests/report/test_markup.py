"""Text that cannot become markup, for Markdown and terminals."""

import io

import pytest
from rich.console import Console

from perf_core.report.markup import markdown_table, markdown_text, terminal_text


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("p95, 12 ms", "p95, 12 ms"),
        ("a|b", r"a\|b"),
        ("*x* _y_ `z` ~s~", r"\*x\* \_y\_ \`z\` \~s\~"),
        ("[link](https://x.test) ![i]", r"\[link\](https:&#47;/x.test) \!\[i\]"),
        ("<b>&amp;", "&lt;b&gt;&amp;amp;"),
        ("{braces} #1 @name $1 \\", r"\{braces\} \#1 \@name \$1 \\"),
        ("two\nlines\x1b[0m", "two lines\N{REPLACEMENT CHARACTER}\\[0m"),
    ],
)
def test_markdown_text_is_escaped(text: str, escaped: str) -> None:
    assert markdown_text(text) == escaped


def test_markdown_table_has_a_rule_per_column() -> None:
    table = markdown_table(("name", "n"), [("a", "1")], (":--", "--:"))
    assert table == "| name | n |\n| :-- | --: |\n| a | 1 |"


def test_terminal_text_is_neither_markup_nor_an_encoding_error() -> None:
    ascii_console = Console(file=io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    text = terminal_text("[red]±5 µs \N{EN DASH} 東[/red]", ascii_console)
    assert text.plain == "[red]+-5 us - ?[/red]"
    assert text.spans == []


def test_terminal_text_cannot_control_the_terminal() -> None:
    console = Console(file=io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))
    text = terminal_text("  a\x1b[2J\x9b\u202eb\n c", console).plain
    assert text == "  a\ufffd[2J\ufffd\ufffdb\n c"
