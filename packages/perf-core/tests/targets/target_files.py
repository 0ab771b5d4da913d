"""Texts of target files, and what reading them gives."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from perf_core.errors import UsageError
from perf_core.targets.file_adapter import FileAdapter
from perf_core.targets.toml_file import read_target_file

MINIMAL = """
name = "s"
url = "http://127.0.0.1:8000/mcp"

[[calls]]
tool = "t"
"""

CALL = '[[calls]]\ntool = "t"\n'
URL = 'name = "s"\nurl = "http://127.0.0.1:8000"\n'
COMMAND = 'name = "s"\ncommand = ["x"]\n'
TARGET = '[[targets]]\nfigure = "error_rate"\ncomparison = "<"\ntarget = 1\nneed = "n"\n'
JOURNEY = '[[journeys]]\nname = "j"\n'

FOREIGN = re.compile(
    r"Input should|instance of|pattern '\^|valid (string|number|dictionary|list)|Field required|_[A-Z]\w+|"
    r"ValidationError|pydantic|Literal|model_type|Extra inputs|type=|None\b|datetime"
)
"""Words of pydantic and Python that say nothing to people who write TOML."""


def read(folder: Path, text: str) -> FileAdapter:
    """Return the adapter that a file with this text makes."""
    path = folder / "server.toml"
    path.write_text(text, encoding="utf-8")
    return read_target_file(path)


def refusal(folder: Path, text: str) -> str:
    """Return the message with which a file with this text is refused."""
    with pytest.raises(UsageError) as caught:
        read(folder, text)
    assert "server.toml" in caught.value.message
    assert caught.value.hint
    return caught.value.message


def target_on(figure: str, scenarios: str = "") -> str:
    """Return the table of a target for a figure, in some scenarios only or in all."""
    fields = f'figure = "{figure}"\ncomparison = "<"\ntarget = 1\nneed = "n"\n'
    return f"\n[[targets]]\n{fields}" + (f"scenarios = {scenarios}\n" if scenarios else "")
