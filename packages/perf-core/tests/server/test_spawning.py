"""Parts of a server's start: the folder it is started in, and the end of its log."""

import os
import sys
from pathlib import Path

import pytest

from perf_core.errors import TargetError
from perf_core.server.spawning import last_lines, spawn


@pytest.mark.process
@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not say what is missing")
def test_missing_folder_is_not_told_as_a_missing_program(tmp_path: Path) -> None:
    command, missing = (sys.executable, "-c", ""), tmp_path / "missing"
    with pytest.raises(TargetError) as caught:
        spawn(command, dict(os.environ), missing, tmp_path / "log", has_stdin=False)
    assert caught.value.message.startswith(f"expected the folder {missing} to start the server in")
    assert sys.executable not in caught.value.message


def test_last_lines_are_those_at_the_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert last_lines(log) == ""
    log.write_bytes(b"".join(b"line %d\r\n" % number for number in range(50)))
    assert last_lines(log).splitlines() == [f"line {number}" for number in range(30, 50)]


def test_only_the_end_of_a_long_log_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perf_core.server.spawning._LOG_TAIL_BYTES", 1024)
    log = tmp_path / "log"
    line = "token=opensesame-1234567890"
    log.write_text(f"{line * 100}\nended\n")
    assert last_lines(log) == "ended", "a part of a secret could not be masked"
    log.write_text(line * 100)
    assert last_lines(log) == "(a line of more than 1 KiB)"
