"""The plan as a file: exact JSON, or an error that says what to correct."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from perf_core import Expectation, Journey, Step
from perf_core.errors import ResultsError, UsageError
from perf_core.load.plan_document import to_document
from perf_core.results.plan_file import write_plan

if TYPE_CHECKING:
    from conftest import Build


def test_file_holds_the_document(build: type[Build], tmp_path: Path) -> None:
    plan = build.plan()
    path = write_plan(plan, tmp_path)
    assert path == tmp_path / "plan.json"
    assert json.loads(path.read_text(encoding="utf-8")) == json.loads(
        json.dumps(to_document(plan, tmp_path.name))
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, b"bytes", "lone \ud800"])
def test_value_that_is_not_json_is_refused(build: type[Build], tmp_path: Path, value: Any) -> None:
    plan = build.plan("load", {"mix": [Journey("j", (Step("add", {"a": value}, Expectation.anything()),))]})
    with pytest.raises(UsageError, match="expected JSON values"):
        write_plan(plan, tmp_path)


def test_unwritable_folder_is_a_results_error(build: type[Build], tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(ResultsError, match=r"cannot write .*plan\.json") as caught:
        write_plan(build.plan(), file)
    assert "--output-dir" in caught.value.hint
