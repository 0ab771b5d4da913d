"""Progress on a terminal and elsewhere, and the path of the results."""

from __future__ import annotations

import io
import json
import os
import time
import tomllib
from pathlib import Path

import pytest
from rich.console import Console

from perf_core.cli import console
from perf_core.errors import TargetError
from perf_core.targets.toml_text import toml_value


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


def test_long_progress_elsewhere_prints_ever_fewer_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    err = Console(file=io.StringIO(), force_terminal=False, width=80)
    monkeypatch.setattr(console, "err", err)
    now_s = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    with console.progress("load on [::1]:80") as on_progress:
        for _ in range(300):
            now_s += 1
            on_progress("load", (now_s - 1000) / 300)
    lines = err.file.getvalue().splitlines()
    # After 30 s, and then 45, 67.5 and 101.25 s later.
    assert lines == ["load on [::1]:80", *(f"load on [::1]:80: load {share}%" for share in (10, 25, 48, 82))]


def test_line_is_plain_text_that_the_encoding_can_show(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="ascii")
    monkeypatch.setattr(console, "out", Console(file=file, width=80))
    console.line("  ✓ add  [red]1[/red] ü…")
    file.flush()
    assert raw.getvalue().decode("ascii") == "  ok add  [red]1[/red] ?...\n"


def test_results_below_the_working_folder_are_relative(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    console.print_results_folder(tmp_path / "results" / "run")
    console.print_results_folder(tmp_path.parent / "elsewhere")
    shown = [Path(line.removeprefix("Results: ")) for line in capsys.readouterr().out.splitlines()]
    assert shown == [Path("results/run"), tmp_path.parent / "elsewhere"]


def test_brackets_in_names_are_no_markup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("[red]", "[/nope]", "[perf]\\"):
        console.print_results_folder(tmp_path / "results" / name)
        console.print_error(TargetError(name, name))
        console.line(name)
        with console.progress(name):
            pass
        printed = capsys.readouterr()
        assert printed.out == f"Results: results/{name}\n{name}\n".replace("/", os.sep, 1)
        assert printed.err == f"perf-core: {name}\n{name}\n{name}\n"


EVIL = "a\x1b[2J\x9b31m\u202eb"


def test_texts_of_servers_cannot_control_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    both = Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None)
    monkeypatch.setattr(console, "out", both)
    monkeypatch.setattr(console, "err", both)
    console.line(f"  {EVIL}\n  forged")
    console.print_error(TargetError(f"{EVIL}\nmore", EVIL))
    printed = both.file.getvalue()
    assert not set("\x1b\x9b\u202e") & set(printed)
    assert printed.startswith("  a")
    assert len(printed.splitlines()) == 4, "the message has two lines, the others one each"


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_cannot_control_the_terminal(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    err = Console(file=io.StringIO(), force_terminal=terminal, width=80)
    monkeypatch.setattr(console, "err", err)
    monkeypatch.setattr(console, "SPARSE_S", 0.0)
    with console.progress(f"asking {EVIL}") as on_progress:
        on_progress(EVIL, None)
    printed = err.file.getvalue()
    assert "\x1b[2J" not in printed
    assert not set("\x9b\u202e") & set(printed)


def test_documents_for_machines_have_escapes_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    out = Console(file=io.StringIO())
    monkeypatch.setattr(console, "out", out)
    console.print_plain(json.dumps({"name": EVIL}, ensure_ascii=False, indent=2))
    console.print_plain(f"name = {toml_value(EVIL)}")
    document, _, line = out.file.getvalue().partition("}\n")
    assert json.loads(document + "}") == tomllib.loads(line) == {"name": EVIL}
    assert not set("\x1b\x9b\u202e") & set(document + line)
