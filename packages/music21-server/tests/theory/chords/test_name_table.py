import json
from importlib import resources

from music21_server.theory.chords import name_table
from music21_server.theory.chords.name_table import PACKAGED, NameTable, packaged_names
from music21_server.theory.chords.names import Shape, SonorityClass, SonorityName, class_of
from music21_server.theory.pitch.names import Key

TRIAD = SonorityClass("major", Shape((0, 0), ((2, 0), (4, 0))))
NAME = SonorityName((0, 0), "major", 0, "I", "major triad")


def test_a_packaged_name_is_not_computed():
    table = NameTable({TRIAD.text: NAME.text}, compute=lambda _: 1 / 0)
    assert table.name(TRIAD) == NAME
    assert table.misses == 0


def test_an_unknown_class_is_computed_once():
    table = NameTable({}, compute=lambda _: NAME)
    assert table.name(TRIAD) == NAME
    assert table.name(TRIAD) == NAME
    assert table.misses == 1
    assert dict(table) == {TRIAD: NAME}


def test_the_names_kept_in_memory_are_limited(monkeypatch):
    monkeypatch.setattr(name_table, "_MOST_KEPT", 2)
    table = NameTable({}, compute=lambda _: NAME)
    for cents in (0, 100, 200, 300):
        assert table.name(SonorityClass("major", Shape((0, cents), ()))) == NAME
    assert len(table) == 2


def test_large_clusters_are_named_and_not_remembered():
    cluster = Shape((0, 0), tuple((0, cents) for cents in range(1, 1000)))
    table = NameTable({}, compute=lambda _: NAME)
    for tonic in range(3):
        sonority = class_of(cluster, Key((tonic, 0), "major"))
        assert class_of(cluster, Key((tonic, 0), "major")) is not sonority
        assert table.name(sonority) == NAME
    assert len(table) == 0
    assert table.misses == 3


def test_the_packaged_table_is_for_this_music21():
    names = packaged_names()
    assert SonorityName.from_text(names["major G B D F"]).numeral == "V7"
    assert SonorityName.from_text(names["minor B D F A-"]).numeral == "viio7"
    assert all(text.split(" ", 1)[0] in ("major", "minor") for text in names)


def test_a_table_for_another_music21_is_not_used(monkeypatch):
    monkeypatch.setattr(name_table.metadata, "version", lambda _: "1.0")
    assert packaged_names() == {}


def test_the_packaged_table_names_its_music21_version():
    document = json.loads(resources.files("music21_server").joinpath("data", PACKAGED).read_bytes())
    assert document["music21"].split(".")[0].isdecimal()
