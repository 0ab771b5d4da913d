"""generate_counterpoint, called by a client."""

from __future__ import annotations

from typing import Any

import pytest
from fastmcp import Client
from fastmcp.exceptions import ToolError

pytestmark = [pytest.mark.anyio, pytest.mark.process]

CANTUS = "D4 F4 E4 D4 G4 F4 A4 G4 F4 E4 D4"


async def ask(client: Client[Any], tool: str, **arguments: Any) -> dict[str, Any]:
    answer: dict[str, Any] | None = (await client.call_tool(tool, arguments)).structured_content
    assert answer is not None
    return answer


async def exported(client: Client[Any], score_id: str) -> str:
    result = await client.call_tool("export_score", {"score_id": score_id, "format": "musicxml"})
    return str(result.content[0].resource.text)


async def test_a_counterpoint_is_a_score_like_any_other(client: Client[Any]) -> None:
    answer = await ask(client, "generate_counterpoint", cantus=CANTUS, species=4, new_score_id="ligatures")
    assert answer["score_id"] == "ligatures"
    assert (answer["parts"], answer["measures"], answer["key"]) == (2, 11, "D dorian")
    assert answer["is_strict"]
    assert answer["violations"] == []
    assert answer["cantus"] == CANTUS.split()
    assert answer["counterpoint"][0]["pitch"] == "rest"
    assert answer["counterpoint"][1]["quarters"] == 4.0
    assert (answer["counterpoint"][-1]["measure"], answer["counterpoint"][-1]["beat"]) == (11, 1.0)
    assert {rule["rule"] for rule in answer["rules"]} >= {
        "suspension resolves",
        "parallel perfect consonances",
    }
    assert all(rule["source"] and rule["says"] for rule in answer["rules"])
    assert not any(rule["broken"] for rule in answer["rules"] if rule["is_strict"])
    information = await ask(client, "score_info", score_id="ligatures")
    assert [part["name"] for part in information["parts"]] == ["Counterpoint", "Cantus firmus"]
    text = await exported(client, "ligatures")
    assert text.count("<tied") >= 14


async def test_a_seed_determines_the_result(client: Client[Any]) -> None:
    one, again, other = [
        await ask(client, "generate_counterpoint", cantus=CANTUS, seed=seed, new_score_id=name)
        for seed, name in ((1, "seed-1"), (1, "seed-1"), (2, "seed-2"))
    ]
    assert one["counterpoint"] == again["counterpoint"] != other["counterpoint"]
    with pytest.raises(ToolError, match="another name"):
        await ask(client, "generate_counterpoint", cantus=CANTUS, seed=2, new_score_id="seed-1")


async def test_the_cantus_can_come_from_a_stored_score(client: Client[Any]) -> None:
    await ask(client, "import_score", source=CANTUS, score_id="chant")
    below = await ask(client, "generate_counterpoint", score_id="chant", position="below", seed=1)
    assert below["cantus"] == CANTUS.split()
    both = below["score_id"]
    information = await ask(client, "score_info", score_id=both)
    assert [part["name"] for part in information["parts"]] == ["Cantus firmus", "Counterpoint"]
    again = await ask(client, "generate_counterpoint", score_id=both, part="Cantus firmus", seed=2)
    assert again["cantus"] == below["cantus"]


async def test_the_range_of_the_new_voice_is_kept(client: Client[Any]) -> None:
    answer = await ask(
        client, "generate_counterpoint", cantus=CANTUS, lowest="A4", highest="F5", new_score_id="bounded"
    )
    assert {note["pitch"] for note in answer["counterpoint"]} <= {
        "A4",
        "B-4",
        "B4",
        "C5",
        "C#5",
        "D5",
        "E5",
        "F5",
    }


async def test_allowed_violations_are_listed_by_measure(client: Client[Any]) -> None:
    unsolvable = "D4 F4 E4 D4 D4"
    with pytest.raises(ToolError, match="allow_violations: true"):
        await ask(client, "generate_counterpoint", cantus=unsolvable)
    answer = await ask(client, "generate_counterpoint", cantus=unsolvable, allow_violations=True)
    assert not answer["is_strict"]
    assert answer["violations"]
    for violation in answer["violations"]:
        assert 1 <= violation["measure"] <= 5
        assert violation["says"]
    broken = [rule["rule"] for rule in answer["rules"] if rule["is_strict"] and rule["broken"]]
    assert sorted(broken) == sorted({violation["rule"] for violation in answer["violations"]})


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, "either score_id or cantus"),
        ({"cantus": CANTUS, "score_id": "chant"}, "either score_id or cantus"),
        ({"cantus": CANTUS, "part": "1"}, "leave part out"),
        ({"cantus": CANTUS, "species": 6}, "species 1 to 5, got 6"),
        ({"cantus": CANTUS, "position": "beside"}, "position"),
        ({"cantus": CANTUS, "key": "C major"}, "ends on C"),
        ({"cantus": CANTUS, "lowest": "C5", "highest": "C4"}, "below highest"),
        ({"cantus": CANTUS, "lowest": "C8"}, "measure 1"),
        ({"cantus": CANTUS, "lowest": "low"}, "'low'"),
        ({"cantus": "D4 E4"}, "3 to 64"),
        ({"cantus": "D4 " * 500}, "got 500"),
        ({"cantus": "D4 r D4"}, "no rests"),
        ({"score_id": "missing"}, "missing"),
    ],
)
async def test_errors_for_invalid_arguments_say_what_to_send(
    client: Client[Any], arguments: dict[str, Any], expected: str
) -> None:
    await ask(client, "import_score", source=CANTUS, score_id="chant")
    with pytest.raises(ToolError) as caught:
        await ask(client, "generate_counterpoint", **arguments)
    assert expected in str(caught.value)


async def test_a_score_without_a_cantus_is_refused(client: Client[Any]) -> None:
    score_id = (await ask(client, "import_score", source="bach/bwv66.6"))["score_id"]
    with pytest.raises(ToolError, match=r"1 Soprano.*\(part\)"):
        await ask(client, "generate_counterpoint", score_id=score_id)
    with pytest.raises(ToolError, match="one length"):
        await ask(client, "generate_counterpoint", score_id=score_id, part="Soprano")
