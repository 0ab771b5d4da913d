"""Target files that use everything a file can say, measured with the real k6."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from perf_core.cli import main
from perf_core.errors import ExitCode
from perf_core.results import record_file
from perf_core.results.record import RunRecord

pytestmark = pytest.mark.k6

LIBRARY = Path(__file__).parents[1] / "servers" / "library.py"

FILE = """
name = "library"
command = {command}
think_time = {{ uniform = [0.01, 0.02] }}

[[calls]]
prompt = "review"
arguments = {{ title = "{{title}}" }}
draw.title = {{ lines = "books.csv", column = "title" }}
expect = {{ regex = "^Please review [A-Z]" }}

[[calls]]
completion = {{ prompt = "review", argument = "title", value = "Du" }}
expect = {{ text = "Dune" }}
kind = "short"

[[calls]]
resource = "book://missing"
expect = {{ rpc_error = -32002 }}

[[journeys]]
name = "loan"
weight = 3
draw.title = {{ lines = "books.csv", column = "title" }}
draw.days = {{ range = [1, 30] }}

[[journeys.steps]]
tool = "borrow"
arguments = {{ title = "{{title}}", days = "{{days}}" }}
expect = {{ json = {{ title = "{{title}}", days = "{{days}}" }} }}
save = {{ loan = "/content/0/text/loan" }}

[[journeys.steps]]
resource = "loan://{{loan}}"
expect = {{ json = {{ loan = "{{loan}}" }} }}

[[journeys.steps]]
tool = "give_back"
arguments = {{ loan = "{{loan}}" }}
expect = {{ paths = {{ "/content/0/mimeType" = "image/png", "/content/1/text" = "Loan {{loan}} is over." }} }}

[[targets]]
figure = "journey_ms.loan.p95"
comparison = "<"
target = 2000
need = "People wait at the desk."
scenarios = ["quick"]

[[targets]]
figure = "latency_ms.loan://<loan>.p95"
comparison = "<"
target = 1000
need = "People look at their loans."
scenarios = ["quick"]

[[targets]]
figure = "error_rate"
comparison = "<"
target = 0.001
need = "Books must not get lost."
"""


def measured(
    folder: Path, *options: str, scenario: str = "quick", wire: str = "session"
) -> tuple[int, RunRecord]:
    """Measure the library for two seconds; return the exit code and the record."""
    command = [sys.executable, str(LIBRARY), "--ready-file", "{ready_file}", *options]
    file = folder / "library.toml"
    file.write_text(FILE.format(command=json.dumps(command)), encoding="utf-8")
    (folder / "books.csv").write_text('title,year\nDune,1965\n"Ubik, a novel",1969\n', encoding="utf-8")
    results = folder / f"results-{wire}"
    arguments = ["--target", str(file), "--wire", wire, "--duration", "2s", "--output-dir", str(results)]
    code = main(["run", scenario, *arguments, "--vus", "2"])
    (path,) = results.glob("*/record.json")
    return code, record_file.read(path)


@pytest.mark.parametrize("wire", ["session", "stateless"])
@pytest.mark.long
def test_journeys_of_all_methods_pass_and_have_figures(tmp_path: Path, wire: str) -> None:
    code, record = measured(tmp_path, wire=wire)
    metrics = record.metrics
    assert metrics is not None
    assert (code, metrics.errors) == (ExitCode.PASS, {}), metrics.failures
    assert set(metrics.latency_ms) == {
        "all",
        "review",
        "completion of review",
        "book://missing",
        "borrow",
        "loan://<loan>",
        "give_back",
    }
    assert all(latency.count > 0 for latency in metrics.latency_ms.values())
    assert metrics.journey_ms["loan"].count > 3
    assert (
        sum(latency.count for name, latency in metrics.latency_ms.items() if name != "all")
        == metrics.tool_calls
    )
    assert metrics.kinds_ms["completion of review"]["short"].count > 0


@pytest.mark.long
def test_value_that_is_missing_under_load_is_a_wrong_answer_with_an_example(tmp_path: Path) -> None:
    code, record = measured(tmp_path, "--forget")
    assert code == ExitCode.TARGETS_MISSED
    metrics = record.metrics
    assert metrics is not None
    assert set(metrics.errors) == {"wrong_answer"}
    assert set(metrics.errors_by_tool) == {"borrow"}
    example = metrics.failures[0]
    assert example.expected == 'values for later calls at these places: {"loan":"/content/0/text/loan"}'
    assert '"days' in example.received.replace("\\", "")


@pytest.mark.long
def test_each_request_is_measured_alone(tmp_path: Path) -> None:
    _, record = measured(tmp_path, scenario="benchmark")
    assert record.metrics is not None
    assert record.metrics.errors == {}
    stages = {stage.name for stage in record.stages}
    assert any("give_back" in name for name in stages), stages
