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


def listed(whole: str | None, *wanted: str) -> list[str]:
    """Return ids of parts, and groups such as ``start 1``, in their order."""
    made = part_list(None if whole is None else etree.fromstring(whole), set(wanted))
    return [each.get("id") or f"{each.get('type')} {each.get('number', '')}".strip() for each in made]


def test_groups_of_two_or_more_stay_each_with_its_number() -> None:
    everything = ["start 1", "start 2", "P1", "P10", "stop 2", "P2", "stop 1", "P3"]
    assert listed(WHOLE, "P1", "P10", "P2", "P3") == everything
    assert listed(WHOLE, "P1", "P2") == ["start 1", "P1", "P2", "stop 1"]
    assert listed(WHOLE, "P1", "P10") == ["start 1", "start 2", "P1", "P10", "stop 2", "stop 1"]


def test_groups_of_one_or_none_go() -> None:
    assert listed(WHOLE, "P1") == ["P1"]
    assert listed(WHOLE, "P10", "P3") == ["P10", "P3"]
    assert listed(WHOLE, "P3") == ["P3"]


def test_a_group_that_never_ends_and_one_that_never_began_go() -> None:
    begun = "<part-list><part-group type='start'/><score-part id='P1'/><score-part id='P2'/></part-list>"
    assert listed(begun, "P1", "P2") == ["P1", "P2"]
    ended = "<part-list><score-part id='P1'/><score-part id='P2'/><part-group type='stop'/></part-list>"
    assert listed(ended, "P1", "P2") == ["P1", "P2"]


def test_groups_without_numbers_are_the_first() -> None:
    whole = (
        "<part-list><part-group type='start'/><score-part id='P1'/><score-part id='P2'/>"
        "<part-group number='1' type='stop'/></part-list>"
    )
    assert listed(whole, "P1", "P2") == ["start", "P1", "P2", "stop 1"]


def test_parts_that_no_list_names_are_listed() -> None:
    assert listed(None, "P2", "P1") == ["P1", "P2"]
    assert listed("<part-list><score-part id='P2'/></part-list>", "P1", "P2") == ["P2", "P1"]
    (made,) = part_list(None, {"P1"})
    assert made.find("part-name") is not None


def test_the_list_of_the_source_is_not_changed() -> None:
    whole = etree.fromstring(WHOLE)
    part_list(whole, {"P1"})
    assert etree.tostring(whole) == etree.tostring(etree.fromstring(WHOLE))
