from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from server_core.errors import ReadyFileError
from server_core.http.ready_file import ReadyFile


def test_a_ready_file_left_by_a_killed_server_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "ready.json"
    path.write_text('{"url": "http://127.0.0.1:1/mcp", "pid": 1}')
    with ReadyFile(path) as ready_file:
        assert not path.exists()
        ready_file.write("http://127.0.0.1:2/mcp")
        assert json.loads(path.read_text())["url"] == "http://127.0.0.1:2/mcp"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_in_the_place_of_the_draft_is_not_written_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    path = tmp_path / "ready.json"
    draft = tmp_path / f"ready.json.{os.getpid()}.tmp"
    true_unlink = Path.unlink

    def unlink_and_lay_a_link(unlinked: Path, missing_ok: bool = False) -> None:
        true_unlink(unlinked, missing_ok=missing_ok)
        if unlinked == draft:
            draft.symlink_to(victim)

    monkeypatch.setattr(Path, "unlink", unlink_and_lay_a_link)
    with pytest.raises(ReadyFileError, match="cannot write the ready file"):
        ReadyFile(path).__enter__()
    assert victim.read_text() == "precious"


def test_a_ready_file_that_is_a_link_is_replaced(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    path = tmp_path / "ready.json"
    path.symlink_to(victim)
    with ReadyFile(path) as ready_file:
        path.symlink_to(victim)
        ready_file.write("http://127.0.0.1:2/mcp")
        assert not path.is_symlink()
        assert json.loads(path.read_text())["pid"] == os.getpid()
    assert victim.read_text() == "precious"


def test_a_ready_file_without_a_folder_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ReadyFileError, match="its folder must exist"):
        ReadyFile(tmp_path / "none" / "ready.json").__enter__()
