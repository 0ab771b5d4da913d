from __future__ import annotations

from lxml import etree

from music21_server.editing.attributes import AttributesInForce


def in_force(*texts: str) -> str:
    state = AttributesInForce()
    for text in texts:
        state.update(etree.fromstring(f"<attributes>{text}</attributes>"))
    return etree.tostring(state.element()).decode()


def test_latest_attributes_are_written_in_schema_order() -> None:
    texts = (
        "<clef><sign>G</sign></clef><divisions>1</divisions>",
        "<key><fifths>1</fifths></key>",
        "<divisions>2</divisions>",
    )
    assert in_force(*texts) == (
        "<attributes><divisions>2</divisions><key><fifths>1</fifths></key><clef><sign>G</sign></clef></attributes>"
    )


def test_each_staff_keeps_its_clef() -> None:
    combined = in_force(
        '<clef number="1"><sign>G</sign></clef><clef number="2"><sign>F</sign></clef>',
        "<clef><sign>C</sign></clef>",
    )
    assert (
        combined
        == '<attributes><clef><sign>C</sign></clef><clef number="2"><sign>F</sign></clef></attributes>'
    )


def test_a_key_without_a_staff_replaces_those_of_all_staves() -> None:
    keys = '<key number="1"><fifths>1</fifths></key><key number="2"><fifths>2</fifths></key>'
    assert in_force(keys).count("<key") == 2
    assert (
        in_force(keys, "<key><fifths>3</fifths></key>")
        == "<attributes><key><fifths>3</fifths></key></attributes>"
    )
    assert in_force("<key><fifths>3</fifths></key>", '<key number="2"><fifths>4</fifths></key>') == (
        '<attributes><key><fifths>3</fifths></key><key number="2"><fifths>4</fifths></key></attributes>'
    )


def test_all_lasting_attributes_are_written_in_schema_order() -> None:
    texts = (
        "<divisions>1</divisions><key><fifths>1</fifths></key><time><beats>3</beats></time><staves>2</staves>"
        "<part-symbol>line</part-symbol><instruments>2</instruments><clef><sign>G</sign></clef>"
        '<staff-details><staff-lines>1</staff-lines></staff-details><staff-details number="2"/>'
        "<transpose><chromatic>-2</chromatic></transpose>"
    )
    whole = f"<attributes>{texts}</attributes>"
    assert in_force(texts) == whole
    assert in_force(*(etree.tostring(each).decode() for each in reversed(etree.fromstring(whole)))) == whole


def test_each_staff_may_have_its_own_transposition() -> None:
    each = "<transpose{}><chromatic>{}</chromatic></transpose>"
    both = each.format(' number="1"', -2) + each.format(' number="2"', -3)
    assert in_force(both) == f"<attributes>{both}</attributes>"
    alone = each.format("", 1)
    assert in_force(both, alone) == f"<attributes>{alone}</attributes>"


def test_attributes_of_one_bar_are_left_out() -> None:
    assert in_force("<measure-style><slash/></measure-style><staves>2</staves>") == (
        "<attributes><staves>2</staves></attributes>"
    )


def test_source_attributes_are_not_modified() -> None:
    attributes = etree.fromstring("<attributes><divisions>1</divisions></attributes>")
    state = AttributesInForce()
    state.update(attributes)
    state.element()
    assert len(attributes) == 1
