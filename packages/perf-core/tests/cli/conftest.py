"""A target file for the adder of `tests/servers`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

ADDER = Path(__file__).parents[1] / "servers" / "adder.py"


@pytest.fixture
def adder(tmp_path: Path) -> str:
    command = json.dumps([sys.executable, str(ADDER), "--ready-file", "{ready_file}"])
    path = tmp_path / "adder.toml"
    path.write_text(
        f'name = "adder"\ncommand = {command}\n[[calls]]\ntool = "add"\narguments = {{ a = 1, b = 2 }}\n'
    )
    return str(path)
