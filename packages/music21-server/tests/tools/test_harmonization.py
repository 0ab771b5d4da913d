"""harmonize_melody, called by a client."""

from __future__ import annotations

from typing import Any

import pytest
from fastmcp import Client
from fastmcp.exceptions import ToolError

from music21_server.composition.harmonization.harmonize import Request, generate_harmonization
from music21_server.tools import harmonization
from music21_server.tools.harmonization import HarmonizationTools

pytestmark = [pytest.mark.anyio, pytest.mark.process]

TUNE = "tinyNotation: 3/4 c4 d e f2 e4 d2 B4 c2."


async def ask(client: Client[Any], tool: str, **arguments: Any) -> dict[str, Any]:
    answer: dict[str, Any] | None = (await client.call_tool(tool, arguments)).structured_content
    assert answer is not None
    return answer


async def test_a_chorale_tune_gets_new_voices(client: Client[Any]) -> None:
    source = (await ask(client, "import_score", source="bach/bwv66.6"))["score_id"]
    answer = await ask(
        client, "harmonize_melody", score_id=source, part="Soprano", voices=4, new_score_id="harmonised"
    )
    assert (answer["score_id"], answer["key"], answer["style"]) == ("harmonised", "F# minor", "classical")
    assert answer["is_strict"]
    assert answer["violations"] == []
    assert answer["chord_count"] == len(answer["chords"]) > 20
    leading = await ask(client, "voice_leading_analysis", score_id="harmonised", kinds=["parallel fifths"])
    assert leading["pairs"] == 6
    assert [count["count"] for count in leading["counts"]] == [0]
    harmony = await ask(client, "harmony_analysis", score_id="harmonised")
    assert harmony["key"] == "F# minor"
    assert harmony["cadences"][-1]["kind"].endswith("authentic")


async def test_all_arguments_reach_the_service(
    monkeypatch: pytest.MonkeyPatch, recording_service: Any
) -> None:
    monkeypatch.setattr(harmonization, "owner", lambda: "client 7")
    tools = HarmonizationTools(recording_service)
    with pytest.raises(recording_service.NotStoredError):
        await tools.harmonize_melody(
            score_id="a", style="pop", voices=3, key="D", part="2", seed=9, harmonic_rhythm="bar",
            new_score_id="mine",
        )  # fmt: skip
    with pytest.raises(recording_service.NotStoredError):
        await tools.harmonize_melody(melody="C4")
    request = Request("pop", 3, "D", "2", 9, "bar")
    assert recording_service.calls == [
        (("client 7", generate_harmonization, None, request), {"sources": ("a",), "name": "mine"}),
        (("client 7", generate_harmonization, "C4", Request()), {"sources": (), "name": None}),
    ]


async def test_scores_of_other_owners_are_not_harmonised(
    monkeypatch: pytest.MonkeyPatch, client: Client[Any]
) -> None:
    await ask(client, "import_score", source=TUNE, score_id="a-tune-of-mine")
    monkeypatch.setattr(harmonization, "owner", lambda: "client 7")
    with pytest.raises(ToolError, match="a-tune-of-mine"):
        await ask(client, "harmonize_melody", score_id="a-tune-of-mine")


async def test_a_melody_can_be_sent_as_text(client: Client[Any]) -> None:
    answer = await ask(client, "harmonize_melody", melody=TUNE, style="jazz", voices=5, seed=2)
    assert answer["parts"] == 5
    assert answer["chords"][-1]["symbol"].startswith("C")
    again = await ask(client, "harmonize_melody", melody=TUNE, style="jazz", voices=5, seed=2)
    assert again["score_id"] == answer["score_id"]
    text = await client.call_tool("export_score", {"score_id": answer["score_id"], "format": "musicxml"})
    assert "<harmony>" in text.content[0].resource.text


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, "send one of them"),
        ({"melody": TUNE, "score_id": "x"}, "send one of them"),
        ({"score_id": "missing"}, "missing"),
        ({"melody": "four notes please"}, "import_score"),
        ({"melody": "R R R"}, "pitched notes"),
        ({"melody": "C4 " * 33_334}, "at most 100000 characters"),
        ({"melody": TUNE, "voices": 1}, "2 to 6"),
        ({"melody": TUNE, "voices": 9}, "2 to 6"),
        ({"melody": TUNE, "key": "H minor"}, "D dorian"),
        ({"melody": TUNE, "style": "baroque"}, "style"),
        ({"melody": TUNE, "harmonic_rhythm": "fast"}, "harmonic_rhythm"),
        ({"melody": TUNE, "part": "Tuba"}, "part"),
        ({"melody": TUNE, "seed": -1}, "seed"),
    ],
)
async def test_errors_for_invalid_arguments_say_what_to_send(
    client: Client[Any], arguments: dict[str, Any], expected: str
) -> None:
    with pytest.raises(ToolError) as caught:
        await ask(client, "harmonize_melody", **arguments)
    assert expected in str(caught.value)


async def test_the_source_score_is_not_changed(client: Client[Any]) -> None:
    await ask(client, "import_score", source=TUNE, score_id="source-of-harmony")
    await ask(client, "harmonize_melody", score_id="source-of-harmony", new_score_id="harmony-of-source")
    assert (await ask(client, "score_info", score_id="source-of-harmony"))["notes"] == 8
    with pytest.raises(ToolError, match="another name"):
        await ask(client, "harmonize_melody", melody="C4 D4 E4", new_score_id="source-of-harmony")
