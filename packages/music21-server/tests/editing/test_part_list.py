from __future__ import annotations

from lxml import etree

from music21_server.editing.part_list import part_list

WHOLE = (
    "<part-list>{start1}{start2}<score-part id='P1'><part-name>One</part-name></score-part>"
    "<score-part id='P10'/>{stop2}<score-part id='P2'/>{stop1}<score-part id='P3'/></part-list>"
).format(**{
    f"{kind}{number}": f"<part-group number='{number}' type='{kind}'/>"
    for kind in ("start", "stop")
    for number in (1, 2)
})  # fmt: skip


def listed(whole: str | None, *ids: str) -> list[str]:
    """Return ids of parts, and groups such as ``start 1``, in their order."""
    result = part_list(None if whole is None else etree.fromstring(whole), set(ids))
    return [each.get("id") or f"{each.get('type')} {each.get('number', '')}".strip() for each in result]


def test_groups_of_two_or_more_parts_keep_their_number() -> None:
    everything = ["start 1", "start 2", "P1", "P10", "stop 2", "P2", "stop 1", "P3"]
    assert listed(WHOLE, "P1", "P10", "P2", "P3") == everything
    assert listed(WHOLE, "P1", "P2") == ["start 1", "P1", "P2", "stop 1"]
    assert listed(WHOLE, "P1", "P10") == ["start 1", "start 2", "P1", "P10", "stop 2", "stop 1"]


def test_groups_of_fewer_than_two_parts_are_dropped() -> None:
    assert listed(WHOLE, "P1") == ["P1"]
    assert listed(WHOLE, "P10", "P3") == ["P10", "P3"]
    assert listed(WHOLE, "P3") == ["P3"]


def test_groups_without_a_start_or_an_end_are_dropped() -> None:
    begun = "<part-list><part-group type='start'/><score-part id='P1'/><score-part id='P2'/></part-list>"
    assert listed(begun, "P1", "P2") == ["P1", "P2"]
    ended = "<part-list><score-part id='P1'/><score-part id='P2'/><part-group type='stop'/></part-list>"
    assert listed(ended, "P1", "P2") == ["P1", "P2"]


def test_group_number_defaults_to_one() -> None:
    whole = (
        "<part-list><part-group type='start'/><score-part id='P1'/><score-part id='P2'/>"
        "<part-group number='1' type='stop'/></part-list>"
    )
    assert listed(whole, "P1", "P2") == ["start", "P1", "P2", "stop 1"]


def test_parts_missing_from_the_source_list_are_added() -> None:
    assert listed(None, "P2", "P1") == ["P1", "P2"]
    assert listed("<part-list><score-part id='P2'/></part-list>", "P1", "P2") == ["P2", "P1"]
    (result,) = part_list(None, {"P1"})
    assert result.find("part-name") is not None


def test_source_list_is_not_modified() -> None:
    whole = etree.fromstring(WHOLE)
    part_list(whole, {"P1"})
    assert etree.tostring(whole) == etree.tostring(etree.fromstring(WHOLE))
