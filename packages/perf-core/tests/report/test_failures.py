from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from perf_core.report import failures
from perf_core.results.record import Failure, RunRecord

Sample = Callable[..., RunRecord]


def with_failures(record: RunRecord, *examples: Failure) -> RunRecord:
    assert record.metrics is not None
    return replace(record, metrics=replace(record.metrics, failures=examples))


def failure(error_class: str, received: str = "no", at_s: float = 1.0) -> Failure:
    return Failure("add", error_class, "hold_10", at_s, '{"a": 1}', "2", received)


def test_groups_are_by_tool_and_class_most_frequent_first(sample: Sample) -> None:
    wrong, unanswered = failures.groups(sample("stalled"))
    assert (wrong.tool, wrong.error, wrong.count) == ("multiply", "wrong answer", "391 calls")
    assert [example.received for example in wrong.examples] == [
        '{"result": 32}',
        '{"result": 63}',
        '{"result": 94}',
    ]
    assert wrong.examples[0].where == "at 1.4 s in hold_10"
    assert (unanswered.tool, unanswered.count) == ("add", "11 calls")


def test_records_without_failures_have_none(sample: Sample) -> None:
    for name in ("load", "empty", "invalid"):
        assert failures.groups(sample(name)) == ()
        assert failures.first_of_each_class(sample(name)) == ()


def test_blocks_keep_lines_and_indentation_but_no_control_characters(sample: Sample) -> None:
    received = 'HTTP 500: Traceback\r\n  File "x.py"\n\tboom\x1b[31m\x00\n'
    (group,) = failures.groups(with_failures(sample("stalled"), failure("http_status", received)))
    assert group.examples[0].received == (
        'HTTP 500: Traceback\n  File "x.py"\n    boom\N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}'
    )
    assert group.count == ""


def test_long_texts_are_cut_and_say_by_how_much(sample: Sample) -> None:
    barely = "x" * (failures.LINE_CHARACTERS + 1)
    ((_, example),) = failures.first_of_each_class(
        with_failures(sample("stalled"), failure("wrong_answer", barely))
    )
    assert example.received == barely
    record = with_failures(sample("stalled"), failure("wrong_answer", "x" * 2_000))
    block = failures.groups(record)[0].examples[0].received
    assert block == f"{'x' * failures.BLOCK_CHARACTERS} … (800 more characters)"
    ((_, example),) = failures.first_of_each_class(record)
    assert example.received == f"{'x' * failures.LINE_CHARACTERS} … (1,800 more characters)"


def test_first_failure_of_the_most_frequent_classes_is_on_single_lines(sample: Sample) -> None:
    record = sample("stalled")
    assert record.metrics is not None
    classes = ("transport", "http_status", "jsonrpc_error", "is_error", "wrong_answer", "timeout")
    metrics = replace(
        record.metrics,
        errors={name: number for number, name in enumerate(classes, start=1)},
        failures=tuple(failure(name, f"{name}\nat {at_s}", at_s) for at_s in (2.0, 1.0) for name in classes),
    )
    firsts = failures.first_of_each_class(replace(record, metrics=metrics))
    assert [number for number, _ in firsts] == ["6 calls", "5 calls", "4 calls", "3 calls", "2 calls"]
    assert firsts[0][1].received == "timeout at 1.0"
    assert "connection failed" not in {example.error for _, example in firsts}
