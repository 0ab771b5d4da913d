from __future__ import annotations

import json
from pathlib import Path

from server_core.http.ready_file import ReadyFile


def test_a_ready_file_left_by_a_killed_server_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "ready.json"
    path.write_text('{"url": "http://127.0.0.1:1/mcp", "pid": 1}')
    with ReadyFile(path) as ready_file:
        assert not path.exists()
        ready_file.write("http://127.0.0.1:2/mcp")
        assert json.loads(path.read_text())["url"] == "http://127.0.0.1:2/mcp"
    assert list(tmp_path.iterdir()) == []
