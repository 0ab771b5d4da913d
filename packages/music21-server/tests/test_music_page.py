"""docs/music.md agrees with the server: tools, links, sessions and figures."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client

from music21_server.composition.imitation import styles
from music21_server.composition.imitation.quotation import quotation_limit

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "music.md").read_text(encoding="utf-8")


@pytest.mark.process
async def test_the_page_describes_the_tools_of_the_server(client: Client[Any]) -> None:
    tools = {tool.name for tool in await client.list_tools()}
    in_headings = set(re.findall(r"`(\w+)`", "\n".join(re.findall(r"^#+ .*$", PAGE, re.MULTILINE))))
    assert in_headings <= tools
    on_page = set(
        re.findall(r"`([a-z]+_(?:analysis|score|part|slice|pattern|melody|counterpoint|style))`", PAGE)
    )
    assert on_page - {"score_slice"} <= tools
    assert tools - {"import_score", "list_scores", "delete_score", "score_info"} <= in_headings | {
        "export_score",
        "render_score",
    }


def test_links_and_pictures_exist() -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", PAGE)
    assert len(targets) > 5
    assert [target for target in targets if not (ROOT / "docs" / target).is_file()] == []


def test_sessions_named_on_the_page_exist() -> None:
    sessions = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    names = re.findall(r"`nox -s (\w+)`", PAGE)
    assert names
    assert [name for name in names if f"def {name}(" not in sessions] == []


def test_accuracy_figures_agree_with_the_accuracy_page() -> None:
    accuracy = (ROOT / "docs" / "accuracy.md").read_text(encoding="utf-8")
    for figure in ("71.5", "51.6", "58.0", "37.2"):
        assert figure in PAGE
        assert f" {figure} /" in accuracy


def test_limits_of_imitations() -> None:
    assert f"up to {styles._MOST_NOTES:,} notes ({styles._MOST_CONVERTED_NOTES:,} where" in PAGE
    assert "at most 8 for each voice plus 4" in PAGE
    assert [quotation_limit(voices) for voices in (1, 3, 4)] == [12, 28, 36]


@pytest.mark.process
async def test_figures_of_imitations_are_in_the_report(client: Client[Any]) -> None:
    arguments = {"composer": "bach", "measures": 8, "key": "G major", "seed": 1}
    report = (await client.call_tool("imitate_style", arguments)).structured_content
    table = PAGE.partition("| Figure | Meaning |")[2].partition("\n\n")[0]
    paths = re.findall(r"^\| `([\w.]+)` \|", table, re.MULTILINE)
    assert len(paths) == 6
    for path in paths:
        figure: Any = report
        for name in path.split("."):
            figure = figure[name]
        assert figure not in (None, {}, []), path
