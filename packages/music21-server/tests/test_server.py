"""The tools and resources, called by a client."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from fastmcp import Client
from fastmcp.exceptions import ToolError
from mcp_types import EmbeddedResource, ImageContent

from music21_server.server import create_server
from music21_server.settings import Music21Settings
from server_core.fastlane.app_eligibility import AppRules
from server_core.fastlane.tool_eligibility import tool_reason

pytestmark = [pytest.mark.anyio, pytest.mark.process]

CHORALE = "bach/bwv66.6"
SCALE = "tinyNotation: 4/4 c4 d e f g a b c'"


async def ask(client: Client[Any], tool: str, **arguments: Any) -> dict[str, Any]:
    answer: dict[str, Any] | None = (await client.call_tool(tool, arguments)).structured_content
    assert answer is not None
    return answer


async def imported(client: Client[Any], source: str = CHORALE, **arguments: Any) -> str:
    return str((await ask(client, "import_score", source=source, **arguments))["score_id"])


async def test_import_returns_the_facts_of_the_score(client: Client[Any]) -> None:
    answer = await ask(client, "import_score", source=CHORALE, source_type="corpus")
    assert answer["parts"] == 4
    assert answer["measures"] == 10
    assert answer["notes"] == 165
    assert answer["duration_quarters"] == 36.0


async def test_importing_a_document_again_gives_the_same_score(client: Client[Any]) -> None:
    assert await imported(client) == await imported(client)


async def test_all_analyses_of_a_chorale(client: Client[Any]) -> None:
    score = await imported(client)
    key = await ask(client, "key_analysis", score_id=score)
    assert (key["key"], key["algorithm"]) == ("F# minor", "aarden-essen")
    chords = await ask(client, "chord_analysis", score_id=score, limit=3)
    assert chords["sonority_count"] == chords["page"]["total"] > 40
    assert [row["position"]["measure"] for row in chords["sonorities"]] == ["0", "0", "1"]
    harmony = await ask(client, "harmony_analysis", score_id=score)
    assert harmony["cadences"]
    leading = await ask(client, "voice_leading_analysis", score_id=score)
    assert leading["pairs"] == 6
    information = await ask(client, "score_info", score_id=score)
    assert [part["name"] for part in information["parts"]] == ["Soprano", "Alto", "Tenor", "Bass"]
    assert information["key_signatures"][0]["text"] == "3 sharps"


async def test_the_pages_together_are_the_whole_list(client: Client[Any]) -> None:
    score = await imported(client)
    whole = await ask(client, "chord_analysis", score_id=score, limit=1000)
    rows: list[Any] = []
    offset: int | None = 0
    while offset is not None:
        page = await ask(client, "chord_analysis", score_id=score, offset=offset, limit=17)
        rows += page["sonorities"]
        offset = page["page"]["next_offset"]
    assert rows == whole["sonorities"]
    beyond = await ask(client, "chord_analysis", score_id=score, offset=10_000)
    assert beyond["sonorities"] == []
    assert beyond["page"]["next_offset"] is None


async def test_answers_match_their_output_schemas(client: Client[Any]) -> None:
    score = await imported(client)
    tools = {tool.name: tool for tool in await client.list_tools()}
    analyses = ("score_info", "key_analysis", "chord_analysis", "harmony_analysis", "voice_leading_analysis")
    for name in analyses:
        schema = tools[name].output_schema
        assert schema is not None
        answer = await ask(client, name, score_id=score)
        jsonschema.validate(answer, schema)
        assert set(answer) == set(schema["properties"])
        for field, described in schema["properties"].items():
            assert described.get("description"), f"{name}.{field}"


async def test_all_tools_and_arguments_have_descriptions(client: Client[Any]) -> None:
    for tool in await client.list_tools():
        assert tool.description
        assert len(tool.description) > 40
        assert tool.annotations is not None
        for name, schema in tool.input_schema["properties"].items():
            assert schema.get("description"), f"{tool.name}.{name}"


@pytest.mark.parametrize("form", ["musicxml", "mxl", "midi", "text"])
async def test_exports_are_embedded_in_the_answer(client: Client[Any], form: str) -> None:
    score = await imported(client)
    result = await client.call_tool("export_score", {"score_id": score, "format": form})
    (content,) = result.content
    assert isinstance(content, EmbeddedResource)
    sent: Any = content.resource
    data = sent.text.encode() if form in ("musicxml", "text") else base64.b64decode(sent.blob)
    assert len(data) == result.structured_content["size_bytes"] > 500
    starts = {"musicxml": b"<?xml", "mxl": b"PK", "midi": b"MThd", "text": b""}
    assert data.startswith(starts[form])


async def test_an_exported_score_imports_as_the_same_music(client: Client[Any]) -> None:
    score = await imported(client)
    exported = await client.call_tool("export_score", {"score_id": score, "format": "musicxml"})
    again = await imported(client, exported.content[0].resource.text, score_id="again")
    first, second = [await ask(client, "chord_analysis", score_id=each) for each in (score, again)]
    assert {**first, "score_id": ""} == {**second, "score_id": ""}


async def test_delete_one_and_all(client: Client[Any]) -> None:
    await imported(client, SCALE, score_id="to-go")
    assert "to-go" in [score["score_id"] for score in (await ask(client, "list_scores"))["scores"]]
    assert await ask(client, "delete_score", score_id="to-go") == {"deleted": 1}
    with pytest.raises(ToolError, match="was deleted"):
        await ask(client, "score_info", score_id="to-go")
    await imported(client, SCALE)
    deleted = await ask(client, "delete_score", all_scores=True)
    assert deleted["deleted"] >= 1
    assert (await ask(client, "list_scores"))["scores"] == []


async def test_resources(client: Client[Any]) -> None:
    score = await imported(client)
    (listed,) = await client.read_resource("music21://scores")
    assert score in [each["score_id"] for each in json.loads(listed.text)]
    (one,) = await client.read_resource(f"music21://scores/{score}")
    assert len(json.loads(one.text)["parts"]) == 4


async def test_files_are_imported_only_from_the_score_folders(
    client: Client[Any], score_folder: Path, tmp_path: Path
) -> None:
    (score_folder / "tune.abc").write_text("X:1\nT:Tune\nM:4/4\nL:1/4\nK:G\nGABc|d4|\n")
    answer = await ask(client, "import_score", source="tune.abc", source_type="file")
    assert answer["notes"] == 5
    outside = tmp_path / "outside.abc"
    outside.write_text("X:1\nK:C\nC|\n")
    (score_folder / "link.abc").symlink_to(outside)
    for path in (str(outside), "../outside.abc", "link.abc"):
        with pytest.raises(ToolError, match="folder"):
            await ask(client, "import_score", source=path, source_type="file")


@pytest.mark.parametrize(
    ("tool", "arguments", "expected"),
    [
        ("score_info", {"score_id": "missing"}, "import_score"),
        ("import_score", {"source": "bach/bwv66.7", "source_type": "corpus"}, "bwv66.6"),
        ("import_score", {"source": "https://example.org/score.xml"}, "Expected"),
        ("import_score", {"source": "<score-partwise><part-list/>", "source_type": "content"}, "Expected"),
        ("import_score", {"source": SCALE, "score_id": "no/slash"}, "no/slash"),
        ("import_score", {"source": SCALE, "source_type": "cloud"}, "source_type"),
        ("key_analysis", {"algorithm": "mine"}, "temperley-kostka-payne"),
        ("chord_analysis", {"key": "H major"}, "F# minor"),
        ("chord_analysis", {"limit": 0}, "limit"),
        ("chord_analysis", {"offset": -1}, "offset"),
        ("voice_leading_analysis", {"kinds": ["wrong notes"]}, "parallel fifths"),
        ("voice_leading_analysis", {"voices": ["Kazoo"]}, "Soprano"),
        ("export_score", {"format": "pdf2"}, "musicxml"),
        ("delete_score", {}, "one of them"),
        ("delete_score", {"score_id": "missing"}, "missing"),
    ],
)
async def test_errors_for_invalid_arguments_say_what_to_send(
    client: Client[Any], tool: str, arguments: dict[str, Any], expected: str
) -> None:
    if "analysis" in tool or tool == "export_score":
        arguments = {"score_id": await imported(client), **arguments}
    with pytest.raises(ToolError) as caught:
        await ask(client, tool, **arguments)
    assert expected in str(caught.value)


async def test_a_name_belongs_to_one_score(client: Client[Any]) -> None:
    await imported(client, SCALE, score_id="mine")
    assert await imported(client, SCALE, score_id="mine") == "mine"
    with pytest.raises(ToolError, match="another name"):
        await imported(client, "tinyNotation: 3/4 c4 d e", score_id="mine")
    assert (await ask(client, "score_info", score_id="mine"))["notes"] == 8


async def test_progress_reaches_a_client_that_asked_for_it(client: Client[Any]) -> None:
    reports: list[tuple[float, float | None, str | None]] = []
    first_report = asyncio.Event()

    async def record(done: float, total: float | None, text: str | None) -> None:
        reports.append((done, total, text))
        first_report.set()

    source = "tinyNotation: 2/4 c4 d e f g a"
    await client.call_tool("import_score", {"source": source, "score_id": "slow"}, progress_handler=record)
    # A notification may be handled after the call has returned.
    await asyncio.wait_for(first_report.wait(), 30)
    assert reports[0] == (0, 3, "looking for the source")


@pytest.mark.parametrize("form", ["png", "svg"])
async def test_pictures_are_embedded_in_the_answer(client: Client[Any], form: str) -> None:
    score = await imported(client)
    arguments = {"score_id": score, "first_measure": "1", "last_measure": "2", "format": form}
    result = await client.call_tool("render_score", arguments)
    (image,) = result.content
    assert isinstance(image, ImageContent)
    data = base64.b64decode(image.data)
    assert data.startswith(b"\x89PNG" if form == "png" else b"<?xml") or b"<svg" in data[:200]
    assert (result.structured_content["first_measure"], result.structured_content["last_measure"]) == (
        "1",
        "2",
    )


async def test_an_excerpt_can_be_exported_as_text_but_not_as_mxl(client: Client[Any]) -> None:
    score = await imported(client)
    excerpt = {"first_measure": "2", "last_measure": "3", "parts": ["Bass"]}
    result = await client.call_tool("export_score", {"score_id": score, "format": "text", **excerpt})
    text = result.content[0].resource.text
    assert "Bass" in text
    assert "Soprano" not in text
    with pytest.raises(ToolError, match="whole"):
        await client.call_tool("export_score", {"score_id": score, "format": "mxl", **excerpt})


async def test_all_tools_are_on_the_fast_lane(client: Client[Any]) -> None:
    mcp = create_server(Music21Settings(_env_file=None))
    assert AppRules(mcp).current().stateless_calls == ""
    assert {tool.name: tool_reason(tool) for tool in await mcp.list_tools() if tool_reason(tool)} == {}
