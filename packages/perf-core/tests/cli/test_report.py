"""The command `report`; that it shows results again is tested in `tests/runs`."""

from __future__ import annotations

from pathlib import Path

from perf_core.cli import main
from perf_core.errors import ExitCode


def test_report_of_a_malformed_or_missing_record_fails(tmp_path: Path, capsys) -> None:
    (tmp_path / "record.json").write_text("{}")
    assert main(["report", str(tmp_path)]) == ExitCode.LAB_FAILED
    assert main(["report", str(tmp_path / "nowhere")]) == ExitCode.LAB_FAILED
    assert "record.json" in capsys.readouterr().err
