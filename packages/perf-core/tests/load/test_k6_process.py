"""k6: finding the binary, previewing a plan, running and ending it."""

import json
import sys
from pathlib import Path

import pytest

from perf_core.adapter import Expectation, Journey, Scenario, Step
from perf_core.errors import GeneratorError
from perf_core.load import k6_process
from perf_core.load.k6_binary import find_k6
from perf_core.load.k6_process import Generator
from perf_core.load.plan import Settings
from perf_core.results.plan_file import write_plan
from perf_core.shapes.registry import plan_scenario

JOURNEY = Journey("add", (Step("add", {"a": 1, "b": 2}, Expectation.result({"result": 3})),))


def written_plan(folder: Path, shape: str = "quick", **settings: object) -> Path:
    scenario = Scenario(shape, shape, "a test", lambda _seed: {"mix": [JOURNEY]})
    return write_plan(plan_scenario(scenario, "session", Settings(**settings)), folder)


@pytest.mark.k6
def test_preview_has_length_and_vus(tmp_path: Path) -> None:
    env = k6_process.script_env(
        written_plan(tmp_path, "load", time_scale=0.1), "http://127.0.0.1:9/mcp", tmp_path
    )
    preview = k6_process.preview(find_k6(), "load", env)
    assert preview.max_vus == 100
    assert preview.load_s == pytest.approx(78)
    # 78 s of load, 7.8 s in which journeys may begin calls, 30 s for their answers and 2 s to count failures.
    assert preview.duration_s == pytest.approx(117.8, abs=0.2)


@pytest.mark.k6
def test_duration_replaces_the_time_scale(tmp_path: Path) -> None:
    env = k6_process.script_env(
        written_plan(tmp_path, "load", duration_s=7.8), "http://127.0.0.1:9/mcp", tmp_path
    )
    short = k6_process.preview(find_k6(), "load", env)
    written_plan(tmp_path, "load", time_scale=0.01)
    assert k6_process.preview(find_k6(), "load", env) == short


@pytest.mark.k6
@pytest.mark.parametrize(
    ("shape", "settings", "lowest"),
    [
        ("load", {}, (50, None)),
        ("load", {"vus": 10}, (5, None)),
        ("spike", {}, (10, None)),
        # Nights have 30 % of the full rate of 10/s.
        ("stability", {}, (1, 3.0)),
        ("quick", {"rate_per_s": 40}, (1, 40.0)),
    ],
)
def test_preview_has_the_lowest_level(
    shape: str, settings: dict[str, int], lowest: tuple[int, float | None], tmp_path: Path
) -> None:
    env = k6_process.script_env(written_plan(tmp_path, shape, **settings), "http://127.0.0.1:9/mcp", tmp_path)
    preview = k6_process.preview(find_k6(), shape, env)
    assert (preview.fewest_users, preview.lowest_rate_per_s) == lowest


@pytest.mark.k6
def test_malformed_plan_is_reported_with_the_message_of_k6(tmp_path: Path) -> None:
    path = written_plan(tmp_path)
    plan = json.loads(path.read_text())
    plan["wire"] = "telegraph"
    path.write_text(json.dumps(plan))
    env = k6_process.script_env(path, "http://127.0.0.1:9/mcp", tmp_path)
    with pytest.raises(GeneratorError, match=r"plan\.wire.*telegraph"):
        k6_process.preview(find_k6(), "quick", env)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1h2m3.5s", 3723.5), ("800ms", 0.8), ("13m0s", 780.0), ("250µs", 0.00025), ("0s", 0.0)],
)
def test_go_durations(text: str, seconds: float) -> None:
    assert k6_process._go_duration_s(text) == pytest.approx(seconds)


@pytest.mark.k6
def test_paths_with_special_characters_and_k6_variables_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # k6 reads its options from such variables: this one would start a million users.
    monkeypatch.setenv("K6_VUS", "1000000")
    monkeypatch.setenv("K6_ITERATIONS", "5")
    monkeypatch.setenv("MCP_IDENTITIES", '[{"headers": {}}]')
    folder = tmp_path / "a&b %41 c"
    folder.mkdir()
    # Nothing listens on the discard port: every session fails, and the run still ends.
    env = k6_process.script_env(written_plan(folder, duration_s=1.0, vus=2), "http://127.0.0.1:9/mcp", folder)
    with Generator(find_k6(), "quick", env, folder, period_s=0.2) as run:
        assert run.wait(60)
    generated = run.result()
    assert generated.exit_code == 0
    assert generated.summary is not None
    assert generated.summary["metrics"]["mcp_errors{class:transport}"]["values"]["count"] > 0
    assert len(generated.recording) > 3


@pytest.mark.k6
def test_k6_is_ended_with_its_context(tmp_path: Path) -> None:
    env = k6_process.script_env(written_plan(tmp_path), "http://127.0.0.1:9/mcp", tmp_path)
    with Generator(find_k6(), "quick", env, tmp_path, period_s=0.2) as run:
        assert not run.wait(0.01)
    assert run.wait(0)


@pytest.mark.k6
def test_failure_of_k6_is_an_error_with_its_log(tmp_path: Path) -> None:
    env = {
        "PLAN": str(tmp_path / "none.json"),
        "SUMMARY": str(tmp_path / "s"),
        "SERVER_URL": "http://127.0.0.1:9",
    }
    with Generator(find_k6(), "quick", env, tmp_path, period_s=0.2) as run:
        assert run.wait(60)
        with pytest.raises(GeneratorError, match=r"none\.json"):
            run.result()


def test_k6_collects_garbage_earlier_with_many_vus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOGC", raising=False)
    assert k6_process._environment(800)["GOGC"] == "75"
    assert "GOGC" not in k6_process._environment(100)
    monkeypatch.setenv("GOGC", "50")
    assert k6_process._environment(800)["GOGC"] == "50", "the user's own value is kept"


@pytest.mark.k6
def test_preview_does_not_read_options_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    env = k6_process.script_env(
        written_plan(tmp_path, "load", time_scale=0.1), "http://127.0.0.1:9/mcp", tmp_path
    )
    undisturbed = k6_process.preview(find_k6(), "load", env)
    monkeypatch.setenv("K6_VUS", "7")
    monkeypatch.setenv("K6_DURATION", "3s")
    assert k6_process.preview(find_k6(), "load", env) == undisturbed


def generator(folder: Path, script: str, *, cpus: list[int] | None = None, **env: str) -> Generator:
    """Return a generator whose k6 is a shell script."""
    binary = folder / "k6"
    binary.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    binary.chmod(0o755)
    variables = {"SUMMARY": str(folder / k6_process.SUMMARY_NAME), **env}
    return Generator(binary, "quick", variables, folder, period_s=None, cpus=cpus)


@pytest.mark.process
@pytest.mark.skipif(sys.platform != "linux", reason="other systems bind no process, or have other limits")
def test_k6_that_cannot_be_bound_to_cpus_is_ended(tmp_path: Path) -> None:
    unbound = generator(tmp_path, "exec sleep 60", cpus=[10**6])
    with pytest.raises((ValueError, OSError)), unbound:
        pass
    assert unbound.wait(0)


@pytest.mark.process
@pytest.mark.skipif(sys.platform != "linux", reason="other systems bind no process, or have other limits")
def test_users_beyond_the_limit_of_the_system_are_an_error(tmp_path: Path) -> None:
    crowded = generator(tmp_path, "exit 0", MCP_IDENTITIES="x" * 200_000)
    with (
        pytest.raises(GeneratorError, match="expected k6 to start, got: Argument list too long") as caught,
        crowded,
    ):
        pass
    assert "fewer users" in caught.value.hint


@pytest.mark.process
@pytest.mark.skipif(sys.platform == "win32", reason="a script is no program there")
@pytest.mark.parametrize(
    ("script", "summary"),
    [
        # As JavaScript writes them, the ends of lines of Unicode stand in JSON as they are.
        (r"""printf '{"a":"b\342\200\250c"}' > "$SUMMARY" """, {"a": "b\u2028c"}),
        (r"""printf '{"a":"b' > "$SUMMARY" """, None),
        ("exit 0", None),
    ],
    ids=["whole", "cut", "missing"],
)
def test_summary_is_read_as_it_is(script: str, summary: object, tmp_path: Path) -> None:
    with generator(tmp_path, script) as run:
        assert run.wait(30)
        assert run.result().summary == summary


@pytest.mark.parametrize("name", ["HTTP_PROXY", "https_proxy", "ALL_PROXY"])
def test_proxies_of_the_environment_are_not_measured(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "http://proxy.test:3128")
    assert name not in k6_process._environment(0)
