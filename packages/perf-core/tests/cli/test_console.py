"""Progress on a terminal and elsewhere, and the path of the results."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from perf_core.cli import console


def show_progress(monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> str:
    """Return what a run of two steps prints."""
    err = Console(file=io.StringIO(), force_terminal=terminal, width=80)
    monkeypatch.setattr(console, "err", err)
    with console.progress("load on adder") as on_progress:
        on_progress("starting", None)
        on_progress("load", 0.25)
    return err.file.getvalue()


def test_progress_on_a_terminal_has_step_and_share(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "load on adder: load 25%" in show_progress(monkeypatch, terminal=True)


def test_progress_elsewhere_is_only_the_title(monkeypatch: pytest.MonkeyPatch) -> None:
    assert show_progress(monkeypatch, terminal=False) == "load on adder\n"


def test_results_below_the_working_folder_are_relative(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    console.print_results_folder(tmp_path / "results" / "run")
    console.print_results_folder(tmp_path.parent / "elsewhere")
    shown = [Path(line.removeprefix("Results: ")) for line in capsys.readouterr().out.splitlines()]
    assert shown == [Path("results/run"), tmp_path.parent / "elsewhere"]
