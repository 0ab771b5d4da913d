from __future__ import annotations

import os
import time
from types import SimpleNamespace

import pytest

from music21_server.errors import TooMuchScoreError, UnknownScoreError, UnreadableScoreError
from music21_server.reading import locations
from music21_server.reading.locations import from_corpus, from_folder
from music21_server.score.limits import Limits

MUSICXML = b"<score-partwise><part-list/></score-partwise>"


@pytest.mark.parametrize(
    "name",
    ["bach/bwv66.6", "bwv66.6", "BWV66.6", "bach/bwv66.6.mxl", " corpus/bach/bwv66.6 ", "bach\\bwv66.6"],
)
def test_corpus_names(name):
    document = from_corpus(name)
    assert document.kind == "mxl"
    assert document == from_corpus("bach/bwv66.6")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("schumann_clara/opus17/movement3", "musicxml"),
        ("palestrina/agnus", "humdrum"),
        ("josquin/milleregrets", "abc"),
    ],
)
def test_corpus_works_in_other_formats(name, kind):
    assert from_corpus(name).kind == kind


def test_unknown_name_is_answered_with_the_nearest_names():
    with pytest.raises(UnknownScoreError, match=r"got 'bach/bwv66\.66': the nearest names are bach/bwv66\.6"):
        from_corpus("bach/bwv66.66")
    with pytest.raises(UnknownScoreError, match=r"a valid name is bach/bwv66\.6"):
        from_corpus("%%%%%%")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/etc/passwd",
        "../music21/corpus/bach/bwv66.6",
        "bach/../bach/bwv66.6",
        "https://example.org/a.mxl",
        "x" * 9999,
    ],
)
def test_files_outside_the_corpus_are_not_opened(name):
    with pytest.raises(UnknownScoreError, match="Expected the name of a work"):
        from_corpus(name)


def test_ambiguous_last_name_needs_its_folder():
    with pytest.raises(UnknownScoreError, match="the nearest names are"):
        from_corpus("movement1")


def test_tune_of_a_book():
    document = from_corpus("essenFolksong/testd#3")
    assert document.kind == "abc"
    assert document.content.count(b"X:") == 1
    assert b"X:3" in document.content


def test_book_of_tunes_needs_a_number():
    with pytest.raises(
        UnreadableScoreError,
        match=r"got the book .* tunes .*'essenFolksong/testd#1'",
    ):
        from_corpus("essenFolksong/testd")
    with pytest.raises(UnreadableScoreError, match=r"number \(X:\) of a tune, got 9999"):
        from_corpus("essenFolksong/testd#9999")


def test_number_after_a_single_work_is_refused():
    with pytest.raises(UnreadableScoreError, match="got #2: leave it out"):
        from_corpus("bach/bwv66.6#2")


def test_corpus_works_are_bounded():
    with pytest.raises(TooMuchScoreError, match="max_source_bytes"):
        from_corpus("bach/bwv66.6", Limits(max_source_bytes=100))


@pytest.fixture
def folders(tmp_path):
    """Create two folders with a score each, and a third one outside; return the two."""
    for name in ("one", "two", "secret"):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "deep" / f"{name}.musicxml").write_bytes(MUSICXML)
    return [tmp_path / "one", tmp_path / "two"]


def test_file_below_a_folder(folders):
    for path in ("deep/one.musicxml", "deep/two.musicxml", str(folders[1] / "deep" / "two.musicxml")):
        assert from_folder(path, folders).content == MUSICXML


@pytest.mark.parametrize(
    "path",
    [
        "deep/three.musicxml",
        "../secret/deep/secret.musicxml",
        "deep/../../secret/deep/secret.musicxml",
        "deep",
        "",
        ".",
        "/etc/passwd",
        "file:///etc/passwd",
        "https://example.org/score.musicxml",
        "~/score.musicxml",
        "a\x00b.musicxml",
        "x" * 5000 + ".musicxml",
    ],
)
def test_other_paths_are_reported_as_missing(folders, path):
    with pytest.raises(UnknownScoreError, match="below a configured folder"):
        from_folder(path, folders)


def test_absolute_path_outside_is_reported_as_missing(folders, tmp_path):
    with pytest.raises(UnknownScoreError, match="below a configured folder"):
        from_folder(str(tmp_path / "secret" / "deep" / "secret.musicxml"), folders)


def test_links_are_resolved_before_the_folder_is_checked(folders, tmp_path):
    outside = folders[0] / "outside.musicxml"
    outside.symlink_to(tmp_path / "secret" / "deep" / "secret.musicxml")
    inside = folders[0] / "inside.musicxml"
    inside.symlink_to(folders[0] / "deep" / "one.musicxml")
    loop = folders[0] / "loop.musicxml"
    loop.symlink_to(loop)
    assert from_folder("inside.musicxml", folders).content == MUSICXML
    for name in ("outside.musicxml", "loop.musicxml"):
        with pytest.raises(UnknownScoreError, match="below a configured folder"):
            from_folder(name, folders)


def test_configured_folder_may_be_a_link(folders, tmp_path):
    linked = tmp_path / "linked"
    linked.symlink_to(folders[0])
    assert from_folder("deep/one.musicxml", [linked]).content == MUSICXML


def test_files_that_are_not_scores_are_refused(folders):
    (folders[0] / "notes.txt").write_text("C4 E4 G4")
    (folders[0] / "liar.mxl").write_text("no score at all")
    with pytest.raises(UnknownScoreError, match=r"\.musicxml"):
        from_folder("notes.txt", folders)
    with pytest.raises(UnreadableScoreError, match="Expected MusicXML"):
        from_folder("liar.mxl", folders)


def test_pipes_are_not_opened(folders):
    os.mkfifo(folders[0] / "pipe.musicxml")
    with pytest.raises(UnknownScoreError, match="below a configured folder"):
        from_folder("pipe.musicxml", folders)


def test_no_file_is_read_without_a_configured_folder():
    with pytest.raises(UnknownScoreError, match=r"configured folder .*got none"):
        from_folder("score.musicxml", [])


def test_files_are_bounded(folders):
    with pytest.raises(TooMuchScoreError, match=rf"max_source_bytes.* got {len(MUSICXML)}\b"):
        from_folder("deep/one.musicxml", folders, Limits(max_source_bytes=10))


def test_growing_files_are_bounded(folders, monkeypatch):
    true_fstat = os.fstat

    def as_it_was_before(descriptor):
        return SimpleNamespace(st_size=0, st_mode=true_fstat(descriptor).st_mode)

    monkeypatch.setattr(os, "fstat", as_it_was_before)
    with pytest.raises(TooMuchScoreError, match=r"max_source_bytes.* got 11\b"):
        from_folder("deep/one.musicxml", folders, Limits(max_source_bytes=10))


def test_long_names_cost_no_time_and_are_quoted_in_part(folders):
    locations.corpus_works()
    begin = time.process_time()
    for refuse in (
        lambda: from_corpus("ab" * 5_000_000),
        lambda: from_corpus("essenFolksong/testd#" + "9" * 5_000),
        lambda: from_folder("x" * 5_000 + ".musicxml", folders),
    ):
        with pytest.raises(UnknownScoreError) as caught:
            refuse()
        assert len(str(caught.value)) < 400
    assert time.process_time() - begin < 0.3
