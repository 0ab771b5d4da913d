from __future__ import annotations

import json
from pathlib import Path

import pytest

from perf_core.cli import main
from perf_core.errors import ExitCode
from perf_core.results.ladder import Estimate, Ladder, Rung


@pytest.fixture
def app(tmp_path: Path) -> Path:
    path = tmp_path / "shop.py"
    path.touch()
    return path


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tool", "add", "--arguments", "{"], "--arguments: expected a JSON object"),
        (["--tool", "add", "--arguments", "[1]"], "--arguments: expected a JSON object"),
        (["--arguments", "{}"], "--tool"),
        (["--rounds", "0"], "rounds"),
        (["--python", "/no/such/python"], "--python"),
        (["--wire", "session"], "--wire"),
    ],
)
def test_mistakes_are_told_before_anything_starts(
    options: list[str], message: str, app: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    assert main(["ladder", f"{app}:mcp", *options, "--output-dir", str(results)]) != ExitCode.PASS
    assert message in capsys.readouterr().err
    assert not results.exists()


def test_what_is_no_app_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ladder", "no-such.py:mcp"]) == ExitCode.USAGE
    assert "expected a Python file" in capsys.readouterr().err


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Requests that were measured, with one rung each."""
    requests: list[object] = []

    def measure(request: object, *_: object, **__: object) -> Ladder:
        requests.append(request)
        one = Estimate(1.0, None, None, 1)
        rungs = (Rung("function", "bare function", "a call", one, one),)
        return Ladder("shop", "add", "{}", "2026-11-30T22:00:00+00:00", rungs, {})

    monkeypatch.setattr("perf_core.cli.ladder.measure_ladder", measure)
    return requests


def test_a_ladder_is_written_and_shown_again(
    measured: list[object], app: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [
        "ladder",
        f"{app}:mcp",
        "--tool",
        "add",
        "--arguments",
        '{"a": 1}',
        "--output-dir",
        str(tmp_path),
    ]
    assert main(command) == ExitCode.PASS
    (folder,) = [path for path in tmp_path.iterdir() if path.is_dir()]
    assert sorted(path.name for path in folder.iterdir()) == ["ladder.json", "report.html", "summary.md"]
    shown = capsys.readouterr().out
    assert "one call of add of shop" in shown
    assert main(["report", str(folder)]) == ExitCode.PASS
    assert "one call of add of shop" in capsys.readouterr().out
    assert measured[0].arguments == {"a": 1}  # type: ignore[attr-defined]


def test_the_result_can_be_printed_as_json(
    measured: list[object], app: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ladder", f"{app}:mcp", "--json", "--output-dir", str(tmp_path)]) == ExitCode.PASS
    document = json.loads(capsys.readouterr().out)
    assert (document["kind"], document["schema"], document["tool"]) == ("ladder", 1, "add")
