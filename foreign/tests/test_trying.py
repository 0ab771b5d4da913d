"""Tests of what a trial must not leave behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from materials import files, repository
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


def test_gits_own_files_are_no_data(tmp_path: Path) -> None:
    repository(tmp_path)
    assert sorted(digests(tmp_path)) == [f"repository/{name}.txt" for name in ("ada", "emmy", "new", "sofja")]


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
