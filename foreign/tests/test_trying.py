"""Tests of what a trial must not leave behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import trying
from catalogue import Row
from installed_packages import pypi
from materials import _run, files, repository
from serving import NotReadyError, free_port, running
from trying import APPS, Place, _left, _node_folder, _traces, digests


def place(folder: Path) -> Place:
    (folder / "work").mkdir()
    (folder / "runs").mkdir()
    return Place(folder, {"secret": "s3cr3t-of-a-trial"}, {"FOREIGN_TRIAL": "a mark of its own"})


def test_data_that_stays_as_it_was_leaves_no_trace(tmp_path: Path) -> None:
    trial = place(tmp_path)
    files(tmp_path / "work")
    before = digests(tmp_path / "work")
    (tmp_path / "work" / "server.log").write_text("a file of the server's own", encoding="utf-8")
    assert list(_traces(trial, before)) == []


def test_each_trace_is_named(tmp_path: Path) -> None:
    trial = place(tmp_path)
    files(tmp_path / "work")
    before = digests(tmp_path / "work")
    (tmp_path / "work" / "files" / "notes.txt").unlink()
    trial.writes.write_text("remove_city London\n", encoding="utf-8")
    (tmp_path / "runs" / "record.json").write_text('"s3cr3t-of-a-trial"', encoding="utf-8")
    traces = list(_traces(trial, before))
    assert [trace.partition(", got ")[2] for trace in traces] == [
        "a change of files/notes.txt",
        "remove_city London",
        "it in runs/record.json",
    ]


@pytest.mark.parametrize("is_folder", [False, True], ids=["file", "folder"])
def test_something_new_in_the_data_is_a_trace(tmp_path: Path, is_folder: bool) -> None:
    trial = place(tmp_path)
    files(tmp_path / "work")
    before = digests(tmp_path / "work")
    new = tmp_path / "work" / "files" / "letters" / "new"
    if is_folder:
        new.mkdir()
    else:
        new.write_text("written without permission", encoding="utf-8")
    (trace,) = _traces(trial, before)
    assert trace.endswith("got files/letters/new, which is new")


def test_a_secret_in_what_the_lab_printed_is_a_trace(tmp_path: Path) -> None:
    trial = place(tmp_path)
    (tmp_path / "check.txt").write_text("an answer with s3cr3t-of-a-trial", encoding="utf-8")
    (trace,) = _traces(trial, {})
    assert trace.endswith("got it in check.txt")


def test_data_that_cannot_be_prepared_fails_one_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trying, "install", lambda _packages, root: root)
    before = (sys.executable, "-c", "raise SystemExit('no such table')")
    row = Row("a server", pypi("some-server==1.0"), ("{bin}/server",), before=before)
    outcome = trying.try_row(row, tmp_path / "installations", tmp_path / "results")
    assert outcome.verdict == "none"
    assert outcome.problems[0].endswith(": no such table")


def git(folder: Path, *command: str) -> None:
    _run("git", "-C", str(folder), *command)


def test_reading_a_repository_leaves_no_trace(tmp_path: Path) -> None:
    trial = place(tmp_path)
    repository(tmp_path / "work")
    before = digests(tmp_path / "work")
    for command in ("status", "diff", "log", "show", "branch"):
        git(tmp_path / "work" / "repository", command)
    assert list(_traces(trial, before)) == []


@pytest.mark.parametrize("command", [("add", "ada.txt"), ("branch", "other"), ("reset", "--quiet")])
def test_writing_into_a_repository_is_noticed(tmp_path: Path, command: tuple[str, ...]) -> None:
    trial = place(tmp_path)
    repository(tmp_path / "work")
    before = digests(tmp_path / "work")
    git(tmp_path / "work" / "repository", *command)
    assert list(_traces(trial, before))


@pytest.mark.process
def test_a_process_that_is_left_is_named() -> None:
    environment = {**os.environ, "FOREIGN_TRIAL": "test of a left process"}
    command = [sys.executable, "-c", "input()"]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE) as process:
        try:
            (left,) = _left("test of a left process")
            assert left.startswith(f"{process.pid} ")
        finally:
            process.kill()
    assert list(_left("test of a left process")) == []


@pytest.mark.process
def test_a_stand_in_answers_and_is_ended(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, str(APPS / "web.py"), str(APPS / "pages.json"), "--port", str(port)]
    log = tmp_path / "web.log"
    with running(command, {"FOREIGN_TRIAL": "test of a stand-in"}, tmp_path, log, port):
        assert len(list(_left("test of a stand-in"))) == 1
    assert list(_left("test of a stand-in")) == []


@pytest.mark.process
def test_a_server_that_does_not_start_is_told_with_what_it_printed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no configuration')"]
    with (
        pytest.raises(NotReadyError, match=r"got exit code 1: no configuration"),
        running(command, {}, tmp_path, tmp_path / "log", free_port()),
    ):
        pass


def test_servers_of_npm_run_on_the_node_of_pypi_itself() -> None:
    # Its command is a script that starts node: another process in each figure.
    assert (Path(_node_folder()) / "node").read_bytes()[:2] != b"#!"
