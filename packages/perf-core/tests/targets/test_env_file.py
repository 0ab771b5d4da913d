"""Variables in a file of lines NAME=VALUE."""

from __future__ import annotations

from pathlib import Path

import pytest

from perf_core.errors import UsageError
from perf_core.targets.env_file import read_env_file


@pytest.mark.parametrize(
    ("line", "variables"),
    [
        ("UNIT=C", {"UNIT": "C"}),
        ("  export UNIT = C  ", {"UNIT": "C"}),
        ("UNIT=", {"UNIT": ""}),
        ("UNIT=good morning", {"UNIT": "good morning"}),
        ("UNIT=a#b # a comment", {"UNIT": "a#b"}),
        ("UNIT='a # b \\n'", {"UNIT": "a # b \\n"}),
        ('UNIT="a # \\"b\\"\\n" # why', {"UNIT": 'a # "b"\n'}),
        ("URL=postgres://u:p@h/d?x=1", {"URL": "postgres://u:p@h/d?x=1"}),
        ("# UNIT=C", {}),
        ("", {}),
        ("A=1\r\nA=2", {"A": "2"}),
        ("\ufeffA=1", {"A": "1"}),
    ],
)
def test_line(line: str, variables: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_bytes(f"{line}\n".encode())
    assert read_env_file(path) == variables


@pytest.mark.parametrize(
    "line", ["opensesame", "=opensesame", "A='opensesame", 'A="opensesame" x', "1A=opensesame"]
)
def test_line_that_is_no_variable_is_told_by_its_number(line: str, tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text(f"A=1\n{line}\n")
    with pytest.raises(UsageError, match="expected NAME=VALUE in line 2 of") as caught:
        read_env_file(path)
    assert "opensesame" not in str(caught.value)


def test_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff\n")
    with pytest.raises(UsageError, match="is not text in UTF-8"):
        read_env_file(tmp_path / ".env")
    with pytest.raises(UsageError, match="cannot read"):
        read_env_file(tmp_path)
