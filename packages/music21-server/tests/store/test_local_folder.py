"""The store in a folder: its files, damage to them, and processes that share it."""

from __future__ import annotations

import logging
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from store_samples import LIMITS, Clock, Make, entry, names

from music21_server.errors import UnknownScoreError
from music21_server.store.contents import FolderContents
from music21_server.store.local import LocalStore
from music21_server.store.sqlite_index import StoreFolderError


def test_a_deleted_score_leaves_no_file(in_folder: Make, tmp_path: Path) -> None:
    store = in_folder()
    store.put("o", entry("a"), name="x")
    store.delete("o", "x")
    assert list((tmp_path / "store" / "scores").iterdir()) == []


def test_a_score_that_another_process_is_writing_is_read_again(
    in_folder: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = in_folder()
    store.put("o", entry("a"), name="x")
    reads = iter([None, entry("a")])
    with monkeypatch.context() as patch:
        patch.setattr(FolderContents, "get", lambda _self, _content: next(reads))
        assert store.get("o", "x") == entry("a")
    assert names(store) == ["x"]


def test_only_its_user_can_access_the_folder(in_folder: Make, tmp_path: Path) -> None:
    in_folder().put("o", entry("a"), name="x")
    paths = [tmp_path / "store", *(tmp_path / "store").rglob("*")]
    assert len(paths) >= 4
    assert [path for path in paths if path.stat().st_mode & 0o077] == []


@pytest.mark.parametrize("damage", ["changed", "truncated", "removed"])
def test_a_damaged_file_is_removed_with_a_warning_and_other_scores_stay(
    in_folder: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    store = in_folder()
    store.put("o", entry("a"), name="x")
    store.put("p", entry("a"), name="y")
    store.put("o", entry("b"), name="other")
    path = tmp_path / "store" / "scores" / f"{entry('a').content_id}.score"
    kept = path.read_bytes()
    if damage == "removed":
        path.unlink()
    else:
        path.write_bytes(kept[:-1] + b"!" if damage == "changed" else kept[:50])
    again = in_folder()
    with (
        caplog.at_level(logging.WARNING),
        pytest.raises(UnknownScoreError, match=r"damaged or removed\. .*import_score stores it again"),
    ):
        again.get("o", "x")
    assert any(record.levelno == logging.WARNING for record in caplog.records)
    assert again.scores("p") == ()
    assert again.evictions() == {"lifetime": 0, "room": 0, "damaged": 2}
    assert again.get("o", "other") == entry("b")
    again.put("o", entry("a"), name="x")
    assert in_folder().get("o", "x") == entry("a")


def test_a_damaged_index_is_renamed_with_a_warning(
    in_folder: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = in_folder()
    first.put("o", entry("a"), name="x")
    first.close()
    (tmp_path / "store" / "index.sqlite3").write_bytes(b"no database at all" * 100)
    with caplog.at_level(logging.WARNING):
        again = in_folder()
    assert "was renamed to index.damaged" in caplog.text
    assert (tmp_path / "store" / "index.damaged").exists()
    assert again.figures().names == 0
    assert list((tmp_path / "store" / "scores").iterdir()) == []  # it has no name any more
    again.put("o", entry("a"), name="x")
    assert in_folder().get("o", "x") == entry("a")


def test_an_index_of_another_version_is_replaced(
    in_folder: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = in_folder()
    first.close()
    with sqlite3.connect(tmp_path / "store" / "index.sqlite3") as index:
        index.execute("PRAGMA user_version = 99")
    index.close()
    assert in_folder().figures().names == 0
    assert "expected version 1, got 99" in caplog.text


def test_unfinished_files_of_a_killed_process_are_removed(in_folder: Make, tmp_path: Path) -> None:
    in_folder().put("o", entry("a"), name="x")
    unfinished = tmp_path / "store" / "scores" / "tmp123.unfinished"
    unfinished.write_bytes(b"half")
    unnamed = tmp_path / "store" / "scores" / "0123.score"
    unnamed.write_bytes(b"without a name")
    assert in_folder().get("o", "x") == entry("a")
    assert not unfinished.exists()
    assert not unnamed.exists()


def test_an_unusable_folder_is_an_error(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreFolderError, match=r"a writable folder .*got .*file.*Choose another folder"):
        LocalStore(LIMITS, clock, tmp_path / "file")


def test_a_failed_write_leaves_nothing_behind(
    in_folder: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = in_folder()

    def fail(_self: Path, _target: Path) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fail)
        with pytest.raises(OSError, match="no space left"):
            store.put("o", entry("a"), name="x")
    assert store.scores("o") == ()
    assert list((tmp_path / "store" / "scores").iterdir()) == []


_OTHER_PROCESS = """
import sys
from pathlib import Path
from music21_server.score.entry import Entry
from music21_server.score.document import Document
from music21_server.store.local import LocalStore
from music21_server.store.limits import StoreLimits

folder, owner = sys.argv[1:]
store = LocalStore(StoreLimits(), folder=Path(folder))
for number in range(15):
    store.put("shared", Entry.from_document(Document("abc", b"%d" % number), b"", {}), name=str(number))
    store.put(owner, Entry.from_document(Document("abc", b"%d" % number), b"", {}), name=str(number))
    store.get("shared", str(number))
    if number % 3 == 0:
        store.delete(owner, str(number))
        store.get("shared", str(number))
store.close()
"""


@pytest.mark.process
def test_processes_can_share_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    processes = [
        subprocess.Popen([sys.executable, "-c", _OTHER_PROCESS, str(folder), owner], env=environment)
        for owner in ("one", "two")
    ]
    assert [process.wait(timeout=60) for process in processes] == [0, 0]
    store = LocalStore(LIMITS, folder=folder)
    assert (len(store.scores("shared")), len(store.scores("one")), len(store.scores("two"))) == (15, 10, 10)
    assert store.figures().contents == 15
    assert len(list((folder / "scores").iterdir())) == 15
    store.close()
