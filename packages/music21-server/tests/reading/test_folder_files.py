"""Links that appear between the check of a path and the opening of its file lead nowhere."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from music21_server.errors import UnknownScoreError, UnreadableScoreError
from music21_server.reading import folder_files
from music21_server.reading.folder_files import open_below
from music21_server.reading.locations import from_folder

MUSICXML = b"<score-partwise><part-list/></score-partwise>"


@pytest.fixture(params=["step by step", "compared"])
def _both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "compared":
        monkeypatch.setattr(folder_files, "_OPENS_STEP_BY_STEP", False)


pytestmark = pytest.mark.usefixtures("_both_ways")


@pytest.fixture
def scores(tmp_path: Path) -> Path:
    """Create a folder with a score, and a secret beside it; return the folder."""
    for name in ("scores", "outside"):
        (tmp_path / name / "deep").mkdir(parents=True)
    (tmp_path / "scores" / "deep" / "song.musicxml").write_bytes(MUSICXML)
    (tmp_path / "outside" / "deep" / "song.musicxml").write_bytes(MUSICXML + b"<!-- secret -->")
    return tmp_path / "scores"


def file_becomes_a_link(scores: Path) -> None:
    song = scores / "deep" / "song.musicxml"
    song.unlink()
    song.symlink_to(scores.parent / "outside" / "deep" / "song.musicxml")


def file_becomes_a_relative_link(scores: Path) -> None:
    song = scores / "deep" / "song.musicxml"
    song.unlink()
    song.symlink_to("../../outside/deep/song.musicxml")


def folder_becomes_a_link(scores: Path) -> None:
    (scores / "deep").rename(scores / "moved")
    (scores / "deep").symlink_to(scores.parent / "outside" / "deep")


def file_disappears(scores: Path) -> None:
    (scores / "deep" / "song.musicxml").unlink()


def file_becomes_a_folder(scores: Path) -> None:
    song = scores / "deep" / "song.musicxml"
    song.unlink()
    song.mkdir()


def file_becomes_a_pipe(scores: Path) -> None:
    song = scores / "deep" / "song.musicxml"
    song.unlink()
    os.mkfifo(song)


def file_becomes_a_socket(scores: Path) -> None:
    song = scores / "deep" / "song.musicxml"
    song.unlink()
    with socket.socket(socket.AF_UNIX) as bound:
        os.chdir(song.parent)  # the path of a socket must be short
        bound.bind(song.name)


@pytest.mark.parametrize(
    "change",
    [
        file_becomes_a_link,
        file_becomes_a_relative_link,
        folder_becomes_a_link,
        file_disappears,
        file_becomes_a_folder,
        file_becomes_a_pipe,
        file_becomes_a_socket,
    ],
)
def test_what_has_changed_since_the_check_is_reported_as_missing(
    scores: Path, change: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(scores)
    true_resolve = Path.resolve
    changed = []

    def resolve_and_change(path: Path, *arguments: Any, **keywords: Any) -> Path:
        resolved = true_resolve(path, *arguments, **keywords)
        if path.name == "song.musicxml" and not changed:
            changed.append(path)
            change(scores)
        return resolved

    monkeypatch.setattr(Path, "resolve", resolve_and_change)
    with pytest.raises(UnknownScoreError, match="below a configured folder"):
        from_folder("deep/song.musicxml", [scores])
    assert changed


def test_links_within_the_folder_are_followed(scores: Path) -> None:
    (scores / "link.musicxml").symlink_to("deep/song.musicxml")
    (scores / "folder").symlink_to("deep")
    for path in ("link.musicxml", "folder/song.musicxml", "folder/../deep/song.musicxml"):
        file = open_below(path, [scores])
        assert file is not None
        with file:
            assert file.read() == MUSICXML


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="everything can be read by root")
def test_a_file_that_may_not_be_read_is_told_as_such(scores: Path) -> None:
    (scores / "deep" / "song.musicxml").chmod(0)
    with pytest.raises(UnreadableScoreError, match="Permission denied"):
        from_folder("deep/song.musicxml", [scores])


def test_nothing_stays_open(scores: Path) -> None:
    before = os.listdir("/dev/fd")  # noqa: PTH208 - descriptors are no files
    for path in ("deep/song.musicxml", "deep/none.musicxml", "deep", "none/song.musicxml"):
        file = open_below(path, [scores])
        if file is not None:
            file.close()
    assert os.listdir("/dev/fd") == before  # noqa: PTH208 - descriptors are no files
