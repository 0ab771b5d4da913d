"""transpose_score, extract_part and score_slice, called by a client."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from fastmcp import Client
from fastmcp.exceptions import ToolError

from music21_server.synthetic_scores import orchestral_score

pytestmark = [pytest.mark.anyio, pytest.mark.process]

CHORALE = "bach/bwv66.6"


async def ask(client: Client[Any], tool: str, **arguments: Any) -> dict[str, Any]:
    answer: dict[str, Any] | None = (await client.call_tool(tool, arguments)).structured_content
    assert answer is not None
    return answer


async def imported(client: Client[Any], source: str = CHORALE) -> str:
    return str((await ask(client, "import_score", source=source))["score_id"])


async def numerals(client: Client[Any], score: str) -> list[str]:
    chords = await ask(client, "chord_analysis", score_id=score, limit=1000)
    return [row["numeral"] for row in chords["sonorities"]]


async def notes_as_text(client: Client[Any], score: str) -> str:
    result = await client.call_tool("export_score", {"score_id": score, "format": "text"})
    return str(result.content[0].resource.text)


async def names(client: Client[Any]) -> list[str]:
    return [each["score_id"] for each in (await ask(client, "list_scores"))["scores"]]


async def test_a_transposed_score_has_the_new_key_and_the_same_numerals(client: Client[Any]) -> None:
    score = await imported(client)
    result = await ask(client, "transpose_score", score_id=score, to_key="G minor", new_score_id="in-g")
    assert result["score_id"] == "in-g"
    assert (result["interval"], result["from_key"], result["to_key"]) == ("m2", "F# minor", "G minor")
    assert result["transposed_parts"] == ["Soprano", "Alto", "Tenor", "Bass"]
    assert (result["other_parts"], result["remarks"]) == ([], [])
    assert (result["notes"], result["measures"]) == (165, 10)
    assert (await ask(client, "key_analysis", score_id="in-g"))["key"] == "G minor"
    assert await numerals(client, "in-g") == await numerals(client, score)
    information = await ask(client, "score_info", score_id="in-g")
    assert information["key_signatures"][0]["text"] == "2 flats"


async def test_transposing_up_and_back_down_restores_the_notes(client: Client[Any]) -> None:
    score = await imported(client)
    there = await ask(client, "transpose_score", score_id=score, semitones=5)
    back = await ask(client, "transpose_score", score_id=there["score_id"], interval="P4", direction="down")
    texts = [await notes_as_text(client, each) for each in (score, there["score_id"], back["score_id"])]
    assert texts[0] == texts[2] != texts[1]


async def test_an_extracted_part_is_a_new_score(client: Client[Any]) -> None:
    score = await imported(client)
    result = await ask(client, "extract_part", score_id=score, parts=["tenor"])
    assert (result["parts"], result["extracted_parts"], result["measures"]) == (1, ["Tenor"], 10)
    assert result["score_id"] != score
    information = await ask(client, "score_info", score_id=result["score_id"])
    whole = await ask(client, "score_info", score_id=score)
    assert information["parts"] == [whole["parts"][2]]


async def test_a_slice_keeps_measure_numbers_key_and_time(client: Client[Any]) -> None:
    score = await imported(client)
    result = await ask(
        client, "score_slice", score_id=score, first_measure="3", last_measure="5", parts=["1", "4"]
    )
    assert (result["first_measure"], result["last_measure"], result["measures"]) == ("3", "5", 3)
    assert result["extracted_parts"] == ["Soprano", "Bass"]
    information = await ask(client, "score_info", score_id=result["score_id"])
    whole = await ask(client, "score_info", score_id=score)
    for name in ("key_signatures", "time_signatures", "tempos"):
        # The values in force, now notated in the first measure.
        assert [each["text"] for each in information[name] if "text" in each] == [
            each["text"] for each in whole[name] if "text" in each
        ]
    assert information["first_measure"] == "3"


async def test_a_remark_says_that_another_format_was_converted(client: Client[Any]) -> None:
    score = await imported(client, "tinyNotation: 3/4 c4 d e f2. g")
    for tool, arguments in (
        ("transpose_score", {"interval": "M2"}),
        ("extract_part", {"parts": ["1"]}),
        ("score_slice", {"last_measure": "1"}),
    ):
        result = await ask(client, tool, score_id=score, **arguments)
        assert result["format"] == "musicxml"
        (remark,) = result["remarks"]
        assert "imported as tinynotation" in remark


@pytest.mark.parametrize(
    ("tool", "arguments", "expected"),
    [
        ("transpose_score", {}, "exactly one of interval"),
        ("transpose_score", {"interval": "M2", "semitones": 1}, "got interval and semitones"),
        ("transpose_score", {"interval": "M5"}, "fifth/5 to be perfect"),
        ("transpose_score", {"interval": "up a bit"}, "Expected an interval such as"),
        ("transpose_score", {"interval": "P99"}, "five octaves"),
        ("transpose_score", {"interval": "-M2", "direction": "up"}, "an upward interval"),
        ("transpose_score", {"semitones": 61}, "at most 60 semitones"),
        ("transpose_score", {"semitones": 2, "direction": "up"}, "no direction with semitones"),
        ("transpose_score", {"to_key": "C major"}, "the score is in F# minor"),
        ("transpose_score", {"to_key": "H major"}, "Expected a key such as"),
        ("transpose_score", {"interval": "M2", "from_key": "C"}, "from_key only together with to_key"),
        ("transpose_score", {"interval": "P36"}, r"octaves 0 to 9, got P36"),
        ("transpose_score", {"interval": "M2", "parts": ["Oboe"]}, "name, id or position"),
        ("transpose_score", {"interval": "M2", "parts": []}, "at least one part"),
        ("extract_part", {"parts": ["Oboe"]}, "name, id or position"),
        ("extract_part", {"parts": ["5"]}, "1 to 4"),
        ("score_slice", {"first_measure": "10"}, "from 0 to 9"),
        ("score_slice", {"first_measure": "@12"}, "@1 to @10"),
        ("score_slice", {"first_measure": "5", "last_measure": "3"}, "not to precede the first"),
        ("score_slice", {"parts": ["Oboe"]}, "name, id or position"),
    ],
)
async def test_errors_for_invalid_arguments_say_what_to_send(
    client: Client[Any], tool, arguments, expected
) -> None:
    score = await imported(client)
    before = await names(client)
    with pytest.raises(ToolError, match=expected):
        await client.call_tool(tool, {"score_id": score, **arguments})
    assert await names(client) == before


async def test_unknown_scores_and_taken_names_are_errors(client: Client[Any]) -> None:
    for tool, arguments in (
        ("transpose_score", {"interval": "M2"}),
        ("extract_part", {"parts": ["1"]}),
        ("score_slice", {}),
    ):
        with pytest.raises(ToolError, match="missing"):
            await client.call_tool(tool, {"score_id": "missing", **arguments})
    score = await imported(client)
    await ask(client, "transpose_score", score_id=score, interval="M2", new_score_id="taken")
    with pytest.raises(ToolError, match="taken"):
        await client.call_tool(
            "transpose_score", {"score_id": score, "interval": "M3", "new_score_id": "taken"}
        )


async def test_percussion_is_not_transposed(client: Client[Any]) -> None:
    packed = base64.b64encode(orchestral_score(20, 3, 1)).decode()
    score = await imported(client, packed)
    result = await ask(client, "transpose_score", score_id=score, interval="P8")
    assert result["other_parts"] == ["Snare Drum"]
    assert len(result["transposed_parts"]) == 19
    with pytest.raises(ToolError, match="got none in the requested parts"):
        await client.call_tool(
            "transpose_score", {"score_id": score, "interval": "M2", "parts": ["Snare Drum"]}
        )
