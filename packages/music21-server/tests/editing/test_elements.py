from lxml import etree

from music21_server.editing.elements import onsets, remove, serialize, text


def test_onsets_follow_chords_grace_notes_backups_and_forwards():
    measure = etree.fromstring(
        "<measure><attributes/><note><duration>2</duration></note><note><chord/><duration>2</duration></note>"
        "<note><grace/><duration>9</duration></note><note><duration>odd</duration></note>"
        "<backup><duration>1.5</duration></backup><direction/><forward><duration>3</duration></forward>"
        "<note/></measure>"
    )
    assert list(onsets(measure).values()) == [0, 0, 0, 2, 2, 2, 0.5, 0.5, 3.5]


def test_text_is_stripped_and_empty_without_an_element():
    assert [text(each) for each in (etree.fromstring("<a> b </a>"), etree.Element("a"), None)] == [
        "b",
        "",
        "",
    ]


def test_serialized_element_includes_its_tail():
    assert serialize(etree.fromstring("<a><b>\u00e9</b> tail</a>")[0]) == "<b>\u00e9</b> tail".encode()


def test_removal_includes_ancestors_without_content():
    def rest(content):
        tree = etree.fromstring(f"<measure>{content}</measure>")
        remove(next(tree.iter("wedge")))
        return etree.tostring(tree).decode()

    wedge = "<direction-type><wedge/></direction-type>"
    assert rest(f"<direction>{wedge}<staff>1</staff></direction>") == "<measure/>"
    words = "<direction-type><words/></direction-type>"
    kept = f"<direction>{words}<staff>1</staff></direction>"
    assert rest(kept.replace("<staff>", f"{wedge}<staff>")) == f"<measure>{kept}</measure>"
