"""imitate_style, called by a client."""

from __future__ import annotations

from typing import Any

import pytest
from fastmcp import Client
from fastmcp.exceptions import ToolError

from music21_server.composition.imitation.generation import Request, generate_imitation
from music21_server.tools import imitation
from music21_server.tools.imitation import ImitationTools

pytestmark = [pytest.mark.anyio, pytest.mark.process]


async def ask(client: Client[Any], tool: str, **arguments: Any) -> dict[str, Any]:
    answer: dict[str, Any] | None = (await client.call_tool(tool, arguments)).structured_content
    assert answer is not None
    return answer


async def test_an_imitation_is_a_score_like_any_other(client: Client[Any]) -> None:
    answer = await ask(client, "imitate_style", composer="Haydn ", measures=8, new_score_id="like-haydn")
    assert (answer["score_id"], answer["measures"], answer["parts"], answer["style"]) == (
        "like-haydn",
        8,
        4,
        "haydn",
    )
    key = await ask(client, "key_analysis", score_id="like-haydn")
    assert key["key"]
    drawn = await client.call_tool("render_score", {"score_id": "like-haydn", "last_measure": "4"})
    assert drawn.content[0].type == "image"


async def test_all_arguments_reach_the_service(
    monkeypatch: pytest.MonkeyPatch, recording_service: Any
) -> None:
    monkeypatch.setattr(imitation, "owner", lambda: "client 7")
    tools = ImitationTools(recording_service)
    with pytest.raises(recording_service.NotStoredError):
        await tools.imitate_style(
            composer=" Bach", measures=5, voices=3, key="D minor", seed=9, new_score_id="mine"
        )
    with pytest.raises(recording_service.NotStoredError):
        await tools.imitate_style(score_ids=["a", "b"])
    assert recording_service.calls == [
        (
            ("client 7", generate_imitation, Request("bach", 5, 3, "D minor", 9)),
            {"sources": (), "name": "mine"},
        ),
        (
            ("client 7", generate_imitation, Request(None, 16, None, None, 0)),
            {"sources": ("a", "b"), "name": None},
        ),
    ]


async def test_scores_of_other_owners_are_not_imitated(
    monkeypatch: pytest.MonkeyPatch, client: Client[Any]
) -> None:
    await ask(client, "import_score", source="bach/bwv253", score_id="a-bach-of-mine")
    monkeypatch.setattr(imitation, "owner", lambda: "client 7")
    with pytest.raises(ToolError, match="a-bach-of-mine"):
        await ask(client, "imitate_style", score_ids=["a-bach-of-mine"])


async def test_the_same_seed_gives_the_same_music_after_another_seed(client: Client[Any]) -> None:
    first = await ask(client, "imitate_style", composer="haydn", measures=6, seed=3)
    other = await ask(client, "imitate_style", composer="haydn", measures=6, seed=4)
    again = await ask(client, "imitate_style", composer="haydn", measures=6, seed=3)
    assert {**first, "unused_s": 0} == {**again, "unused_s": 0}
    assert other["score_id"] != first["score_id"]


async def test_stored_scores_are_imitated(client: Client[Any]) -> None:
    names = []
    for number in (253, 255, 257, 259, 261):
        source = f"bach/bwv{number}"
        names.append((await ask(client, "import_score", source=source, source_type="corpus"))["score_id"])
    answer = await ask(client, "imitate_style", score_ids=names, measures=8, voices=2)
    assert (answer["style"], answer["parts"]) == ("scores", 2)
    assert answer["learned_from"]["work_count"] <= 5


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, "either composer or score_ids"),
        ({"composer": "haydn", "score_ids": ["like-haydn"]}, "either composer or score_ids"),
        ({"composer": "salieri"}, "palestrina"),
        ({"score_ids": ["missing"]}, "import_score"),
        ({"score_ids": ["missing"] * 51}, "score_ids"),
        ({"composer": "haydn", "measures": 1000}, "4 to 64"),
        ({"composer": "haydn", "seed": -1}, "seed"),
        ({"composer": "haydn", "measures": 4, "new_score_id": "no/slash"}, "no/slash"),
    ],
)
async def test_errors_for_invalid_arguments_say_what_to_send(
    client: Client[Any], arguments: dict[str, Any], expected: str
) -> None:
    if arguments.get("score_ids") == ["like-haydn"]:
        await ask(client, "import_score", source="tinyNotation: 4/4 c4 d e f", score_id="like-haydn-2")
        arguments = {**arguments, "score_ids": ["like-haydn-2"]}
    with pytest.raises(ToolError) as caught:
        await ask(client, "imitate_style", **arguments)
    assert expected in str(caught.value)
