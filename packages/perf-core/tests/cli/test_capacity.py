"""``perf-core capacity`` as typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from perf_core.cli import main


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "expected a server, got none"),
        (["http://127.0.0.1:9/mcp", "--slo", "p99>5ms"], "expected an objective, got 'p99>5ms'"),
        (["http://127.0.0.1:9/mcp", "--time-limit", "5s"], "--time-limit: expected at least 20 s, got 5 s"),
        (["http://127.0.0.1:9/mcp", "--tolerance", "0.5"], "--tolerance: expected 1 to 100 percent, got 0.5"),
        (["http://127.0.0.1:9/mcp", "--max-rate", "0"], "--max-rate: expected at least 1 per second, got 0"),
        (["no-such-adapter"], "no-such-adapter"),
        (["http://127.0.0.1:9/mcp", "--duration", "5s"], "which run take"),
    ],
)
def test_mistakes_end_before_anything_starts(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "results"
    assert main(["capacity", *arguments, "--output-dir", str(output)]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not output.exists()


def test_server_that_does_not_answer_leaves_no_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "results"
    assert main(["capacity", "http://127.0.0.1:9/mcp", "--output-dir", str(output)]) != 0
    assert "127.0.0.1:9" in capsys.readouterr().err
    assert not output.exists()
