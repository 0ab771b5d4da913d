"""What docs/music.md says is there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client

from music21_server.composition.imitation import styles
from music21_server.composition.imitation.quotation import most_notes

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "music.md").read_text(encoding="utf-8")


async def test_the_tools_of_the_page_are_the_servers(client: Client[Any]) -> None:
    tools = {tool.name for tool in await client.list_tools()}
    headed = set(re.findall(r"`(\w+)`", "\n".join(re.findall(r"^#+ .*$", PAGE, re.MULTILINE))))
    assert headed <= tools
    named = set(
        re.findall(r"`([a-z]+_(?:analysis|score|part|slice|pattern|melody|counterpoint|style))`", PAGE)
    )
    assert named - {"score_slice"} <= tools
    assert tools - {"import_score", "list_scores", "delete_score", "score_info"} <= headed | {
        "export_score",
        "render_score",
    }


def test_links_and_pictures_are_there() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", PAGE):
        assert (ROOT / "docs" / target).is_file(), target


def test_sessions_that_the_page_names_exist() -> None:
    sessions = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    for name in re.findall(r"`nox -s (\w+)`", PAGE):
        assert f"def {name}(" in sessions


def test_figures_of_accuracy_are_those_of_its_page() -> None:
    accuracy = (ROOT / "docs" / "accuracy.md").read_text(encoding="utf-8")
    for figure in ("71.5", "51.6", "58.0", "37.2"):
        assert figure in PAGE
        assert f" {figure} /" in accuracy


async def test_figures_of_imitations(client: Client[Any]) -> None:
    assert f"up to {styles._MOST_NOTES:,} notes ({styles._MOST_CONVERTED_NOTES:,} where" in PAGE
    assert most_notes(4) - most_notes(3) == 8
    assert most_notes(1) == 12
    arguments = {"composer": "bach", "measures": 8, "key": "G major", "seed": 1}
    made = (await client.call_tool("imitate_style", arguments)).structured_content
    assert made is not None
    table = PAGE.partition("| Figure | Meaning |")[2].partition("\n\n")[0]
    for path in re.findall(r"^\| `([\w.]+)` \|", table, re.MULTILINE):
        found: Any = made
        for name in path.split("."):
            found = found[name]
        assert json.dumps(found)
