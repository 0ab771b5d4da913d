"""The command `check`."""

from __future__ import annotations

import pytest

from perf_core.cli import main
from perf_core.errors import ExitCode


@pytest.mark.process
def test_check_performs_a_handshake_and_lists_tools(adder: str, capsys) -> None:
    assert main(["check", adder]) == ExitCode.PASS
    printed = capsys.readouterr().out
    assert "adder 1 answers at http://127.0.0.1:" in printed
    assert "tools: add" in printed


def test_check_of_a_missing_server_fails(adder: str, capsys) -> None:
    assert main(["check", adder, "--server-url", "http://127.0.0.1:9"]) == ExitCode.LAB_FAILED
    assert "127.0.0.1:9/mcp" in capsys.readouterr().err
