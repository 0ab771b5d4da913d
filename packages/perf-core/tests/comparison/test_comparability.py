"""Recorded runs that cannot be compared, and remarks on those that can."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from perf_core.comparison.records import POINT_ESTIMATE, compare_records
from perf_core.errors import NotComparable
from perf_core.results.record import Health, HealthState, RunRecord

WithManifest = Callable[..., RunRecord]
Path = tuple[str, ...]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("plan", "settings", "vus"), 20, "vus: not set before, 20 after"),
        (("plan", "settings", "time_scale"), 0.5, "time_scale: 1.0 before, 0.5 after"),
        (("plan", "settings", "duration_s"), 60.0, "duration_s: not set before, 60.0 after"),
        (("plan", "settings", "think_time_s"), 1.0, "think_time_s: 0.0 before, 1.0 after"),
        (("plan", "settings", "seed"), 2, "seed: 1 before, 2 after"),
        (("plan", "settings", "rate_per_s"), 9, "rate_per_s: not set before, 9 after"),
        (("plan", "settings"), None, "the record after has no settings"),
        (("plan", "shape"), "quick", "shape: load before, quick after"),
        (("plan", "journeys"), {"mix": 5}, "journeys: {'mix': 20000} before, {'mix': 5} after"),
        (("command",), ["perf-core", "run", "load", "--pin"], "--pin: no before, yes after"),
    ],
)
def test_different_load_is_refused(
    record: RunRecord, with_manifest: WithManifest, path: Path, value: Any, message: str
) -> None:
    for cross_machine in (False, True):
        with pytest.raises(NotComparable) as caught:
            compare_records(record, with_manifest(record, *path, value=value), cross_machine=cross_machine)
        assert message in caught.value.message.split("\n- ")
        assert "cross-machine" not in caught.value.hint
    assert caught.value.exit_code == 5


@pytest.mark.parametrize(
    ("state", "refused"), [("sound", False), ("unknown", False), ("bounded", True), ("invalid", True)]
)
def test_record_of_a_disturbed_run_is_refused(record: RunRecord, state: HealthState, refused: bool) -> None:
    disturbed = replace(record, health=Health(state, ("the machine was busy", "k6 stood still")))
    for when, pair in (("before", (disturbed, record)), ("after", (record, disturbed))):
        if refused:
            message = f"the run {when} was disturbed \\(the machine was busy; k6 stood still\\)"
            with pytest.raises(NotComparable, match=message) as caught:
                compare_records(*pair)
            assert caught.value.exit_code == 5
        else:
            assert compare_records(*pair).verdict == "same"


@pytest.mark.parametrize(("value", "refused"), [(30.0, False), (5.0, True)])
def test_setting_that_a_record_lacks_had_its_default(
    record: RunRecord, with_manifest: WithManifest, value: float, refused: bool
) -> None:
    after = with_manifest(record, "plan", "settings", "request_timeout_s", value=value)
    if refused:
        with pytest.raises(NotComparable, match=r"request_timeout_s: 30\.0 before, 5\.0 after"):
            compare_records(record, after)
    else:
        assert compare_records(record, after).verdict == "same"


MACHINES = [
    (("machine", "cpu"), "Another CPU", "cpu: Example CPU before, Another CPU after"),
    (("machine", "cpus"), 4, "cpus: 2 before, 4 after"),
    (("machine", "memory_mb"), 8401, "memory_mb: 8000 before, 8401 after"),
    (("machine", "memory_mb"), 7600, "memory_mb: 8000 before, 7600 after"),
    (("machine", "system"), "Darwin 24.1", "system: Linux before, Darwin after"),
    (("machine", "architecture"), "aarch64", "architecture: x86_64 before, aarch64 after"),
    (("machine",), None, "the record after has no machine"),
]


@pytest.mark.parametrize(("path", "value", "message"), MACHINES)
def test_different_machine_is_refused_without_the_option(
    record: RunRecord, with_manifest: WithManifest, path: Path, value: Any, message: str
) -> None:
    after = with_manifest(record, *path, value=value)
    with pytest.raises(NotComparable) as caught:
        compare_records(record, after)
    assert message in caught.value.message.split("\n- ")
    assert "--cross-machine" in caught.value.hint
    assert message in compare_records(record, after, cross_machine=True).remarks


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("machine", "memory_mb"), 8399),
        (("machine", "load_before"), 3.0),
        (("machine", "system"), "Linux 6.2"),
    ],
)
def test_small_differences_of_a_machine_are_allowed(
    record: RunRecord, with_manifest: WithManifest, path: Path, value: Any
) -> None:
    assert compare_records(record, with_manifest(record, *path, value=value)).verdict == "same"


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": "invalid", "reasons": ("the server died",)},
        {"verdict": "interrupted", "reasons": ()},
        {"metrics": None},
    ],
)
def test_invalid_or_interrupted_run_is_refused(record: RunRecord, changes: dict[str, Any]) -> None:
    broken = replace(record, **changes)
    with pytest.raises(
        NotComparable, match=r"- the run after is (invalid \(the server died\)|inter|without)"
    ):
        compare_records(record, broken)
    with pytest.raises(NotComparable, match="- the run before is "):
        compare_records(broken, record)


def test_runs_with_missed_targets_are_compared(record: RunRecord) -> None:
    assert compare_records(replace(record, verdict="fail", exit_code=99), record).verdict == "same"


def test_all_reasons_are_listed(record: RunRecord, with_manifest: WithManifest) -> None:
    after = replace(record, run_id="other", scenario="quick", wire="stateless", verdict="interrupted")
    after = with_manifest(
        with_manifest(after, "machine", "cpus", value=8), "plan", "settings", "seed", value=2
    )
    with pytest.raises(NotComparable) as caught:
        compare_records(record, after)
    first, *reasons = caught.value.message.split("\n- ")
    assert first == f"{record.run_id} and other cannot be compared:"
    assert [reason.partition(":")[0] for reason in reasons] == [
        "the run after is interrupted",
        "scenario",
        "wire",
        "seed",
        "cpus",
    ]


def test_records_without_manifest_are_refused(record: RunRecord) -> None:
    bare = replace(record, manifest={"machine": "a string", "commit": None})
    with pytest.raises(NotComparable) as caught:
        compare_records(bare, bare)
    assert [caught.value.message.count(f"has no {part}") for part in ("settings", "machine")] == [2, 2]


# --- remarks ---


def test_last_remark_is_about_point_estimates(record: RunRecord) -> None:
    other = replace(record, run_id="other")
    assert compare_records(record, other).remarks == (POINT_ESTIMATE,)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("commit", "dirty"), True, "The checkout after had uncommitted changes"),
        (("versions", "k6"), "k6 v2", "Besides the server, this changed: k6: k6 v1.1.0 before, k6 v2 after."),
        (
            ("machine", "system"),
            "Linux 7",
            "Besides the server, this changed: system: Linux 6.1 before, Linux 7 after.",
        ),
    ],
)
def test_other_changes_are_remarked(
    record: RunRecord, with_manifest: WithManifest, path: Path, value: Any, message: str
) -> None:
    after = with_manifest(replace(record, run_id="other"), *path, value=value)
    remark, last = compare_records(record, after).remarks
    assert message in remark
    assert last == POINT_ESTIMATE


def test_new_version_of_the_adapter_is_not_remarked(record: RunRecord, with_manifest: WithManifest) -> None:
    after = with_manifest(replace(record, run_id="other"), "versions", "adapter", value="adder 2.0")
    assert compare_records(record, after).remarks == (POINT_ESTIMATE,)


def test_two_different_servers_are_remarked(record: RunRecord) -> None:
    after = replace(record, run_id="other", target="summer")
    comparison = compare_records(record, after)
    assert "adder before and summer after" in comparison.remarks[0]
    assert (comparison.before.target, comparison.after.target) == ("adder", "summer")


def test_run_compared_with_itself_is_remarked(record: RunRecord) -> None:
    comparison = compare_records(record, record)
    assert comparison.remarks[0] == "Both are the same run."
    assert (comparison.before.server, comparison.before.commit) == ("adder 1.2", "0123456789abcdef")


@pytest.mark.parametrize(
    ("path", "value", "refusal"),
    [
        (("plan", "settings"), "edited", "the record after has no settings"),
        (("plan",), ["edited"], "shape: load before, not set after"),
        (("machine", "memory_mb"), "edited", "memory_mb: 8000 before, edited after"),
        (("machine",), 7, "the record after has no machine"),
        (("command",), 7, ""),
        (("versions",), "edited", ""),
        (("commit",), None, ""),
    ],
)
def test_edited_manifest_is_refused_or_read_as_missing(
    record: RunRecord, with_manifest: WithManifest, path: Path, value: Any, refusal: str
) -> None:
    edited = with_manifest(record, *path, value=value)
    if refusal:
        with pytest.raises(NotComparable, match=refusal):
            compare_records(record, edited)
    else:
        assert compare_records(record, edited).rows == compare_records(record, record).rows
