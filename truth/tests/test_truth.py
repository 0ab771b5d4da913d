"""The command line of truth.py."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parent.parent / "truth.py"


def test_table_of_some_servers_replaces_no_table_of_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Its folder has the same name, and may be what the name means in an import.
    spec = importlib.util.spec_from_file_location("truth_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    document = tmp_path / "methodology.md"
    monkeypatch.setattr(sys, "argv", ["truth.py", "--only", "sound", "--write", str(document)])
    with pytest.raises(SystemExit, match="2"):
        script.main()
    assert "--write: expected no --only beside it" in capsys.readouterr().err
    assert not document.exists()
