"""From trials to expectations, reasons and warnings."""

from __future__ import annotations

from datetime import UTC, datetime

from perf_core import Expectation
from perf_core.load.placeholders import filled
from perf_core.server.checks import ToolCheck
from perf_core.targets.discovery.calls import Answer
from perf_core.targets.discovery.explore import Call, Trial, repeats_s
from perf_core.targets.discovery.findings import drawn_calls, left_out, tool_check, warnings_of
from perf_core.targets.discovery.schemas import Checker
from perf_core.targets.discovery.tools import Tool

NOW = datetime(2026, 3, 1, 12, 34, 57, tzinfo=UTC)


def text(words: str, **more: object) -> dict:
    return {"content": [{"type": "text", "text": words}], **more}


def right(result: dict, took_s: float = 0.01) -> Answer:
    return Answer("answered", took_s, result, "", NOW)


def trial(*results: list[dict], tool: Tool | None = None, doubt: str = "") -> Trial:
    """Return a trial with one call for each list of results."""
    its_tool = tool or Tool("t", read_only=True)
    calls = [
        Call(its_tool, {"n": number}, [right(result) for result in each], doubt)
        for number, each in enumerate(results)
    ]
    return Trial(its_tool, Checker({"type": "object"}), calls=calls)


def test_call_is_expected_as_it_was_answered() -> None:
    (call,) = drawn_calls(trial([text("42")] * 3), ())
    assert (call.step.expect, call.strictness, call.answer) == (Expectation.text("42"), "exact", "42")


def test_call_without_three_answers_is_not_in_the_load() -> None:
    assert drawn_calls(trial([text("42")] * 2), ()) == ()
    reason = left_out(trial([text("42")] * 2), ())
    assert "no time was left to repeat" in reason.reason


def test_call_that_failed_when_repeated_is_not_in_the_load() -> None:
    tried = trial([text("42")] * 2)
    tried.calls[0].answers.append(Answer("answered", 0.01, text("bad", isError=True), "bad", NOW))
    assert drawn_calls(tried, ()) == ()
    assert "failed when repeated: bad" in left_out(tried, ()).reason


def test_tool_that_asks_back_when_repeated_is_left_out() -> None:
    tried = trial([text("42")] * 3, [text("43")] * 3)
    tried.calls[1].answers.append(
        Answer("asks", 0.01, {}, "it sends the request sampling/createMessage", NOW)
    )
    assert drawn_calls(tried, ()) == ()
    assert "sampling" in left_out(tried, ()).reason


def test_time_of_the_call_is_not_expected() -> None:
    (call,) = drawn_calls(trial([text("It is 2026-03-01 12:34 in UTC")] * 3), ())
    assert call.step.expect == Expectation.contains("It is 2026-03-01 ")


def test_time_that_the_call_was_given_is_expected() -> None:
    tried = trial([text("at 12:34")] * 3)
    tried.calls[0].arguments["time"] = "12:34"
    assert drawn_calls(tried, ())[0].strictness == "exact"


def test_useful_answers_displace_doubtful_ones() -> None:
    tried = trial([text("42")] * 3, [text("Error: x")] * 3)
    tried.calls[1].doubt = "Error: x"
    assert [call.answer for call in drawn_calls(tried, ())] == ["42"]
    assert tool_check(tried, drawn_calls(tried, ()), ()).doubt == ""
    useless = trial([text("Error: x")] * 3, doubt="Error: x")
    assert tool_check(useless, drawn_calls(useless, ()), ()).doubt == "Error: x"


def test_secrets_are_in_no_text() -> None:
    secret = "s3cr3t-t0ken"
    tried = trial([text(f"key {secret}")] * 3, doubt=f"Error {secret}")
    tried.calls[0].arguments["key"] = secret
    calls = drawn_calls(tried, [secret])
    check = tool_check(tried, calls, [secret])
    assert secret not in repr(calls[0].step.expect) + calls[0].answer + calls[0].doubt
    assert secret not in repr(check)
    tried.calls.clear()
    tried.failures.append(({"key": secret}, f"no access with {secret}"))
    assert secret not in repr(left_out(tried, [secret]))


def test_reason_is_that_of_the_last_try_on_one_line() -> None:
    tried = trial()
    tried.failures += [({"a": 1}, "first"), ({"a": 2}, "second\n  line " + "x" * 500)]
    reason = left_out(tried, ())
    assert reason.reason.startswith("second line xxx")
    assert len(reason.reason) == 200
    assert (reason.tries, reason.arguments) == (2, '{"a":2}')
    assert "TOML" in reason.advice


def test_tool_without_an_answer_gets_advice_on_time() -> None:
    tried = trial()
    tried.failures.append(({}, "it did not answer within 15 s"))
    tried.ended = "silent"
    assert "request_timeout_s" in left_out(tried, ()).advice
    tried.ended = "asks"
    assert left_out(tried, ()).advice == ""


def test_untried_tool_has_its_reason() -> None:
    assert left_out(trial(), ()).reason == "no time was left to call it"
    undrawable = trial()
    undrawable.undrawable = "its input schema allows none"
    assert left_out(undrawable, ()).reason == "its input schema allows none"
    broken = Trial(Tool("t"), Checker({"type": 5}))
    assert "its input schema is no JSON Schema" in left_out(broken, ()).reason
    assert left_out(broken, ()).arguments == ""


def test_warnings_name_doubtful_and_unchecked_tools() -> None:
    sound = ToolCheck("a", {"exact": 1}, "{}", "1")
    doubtful = ToolCheck("b", {"exact": 1}, "{}", "Error: x", doubt="Error: x")
    blind = ToolCheck("c", {"no error": 1}, "{}", "?")
    assert warnings_of([sound], [], []) == ()
    (some,) = warnings_of([sound, doubtful], [], [])
    assert "b answers 'Error: x'" in some
    assert "nothing useful" not in some
    (everything,) = warnings_of([doubtful], [], [])
    assert everything.startswith("nothing useful was measured")
    unstable = trial([text("abcdef"), text("ghijkl"), text("mnopqr")])
    calls = drawn_calls(unstable, ())
    (unchecked,) = warnings_of([sound, blind], calls, [])
    assert unchecked == "wrong answers cannot be noticed where nothing in the answers is stable: t"
    assert warnings_of([blind], calls * 2, [])[0].endswith(": every tool")


def test_reason_why_nothing_can_be_noticed_is_the_real_one() -> None:
    secret = "opensesame"
    blind = ToolCheck("t", {"no error": 1}, "{}", "?")
    calls = drawn_calls(trial([text(f"key {secret}")] * 3), [secret])
    (warning,) = warnings_of([blind], calls, [])
    assert warning == "wrong answers cannot be noticed where the answers hold a secret: every tool"
    unstable = drawn_calls(trial([text("abcdef"), text("ghijkl"), text("mnopqr")]), ())
    assert len(warnings_of([blind], [*calls, *unstable], [])) == 2, "each reason apart"


def test_answer_that_breaks_its_output_schema_is_a_warning() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    tool = Tool("t", output_schema=schema, read_only=True)
    good = trial([text("1", structuredContent={"n": 1})] * 3, tool=tool)
    bad = trial([text("1", structuredContent={"n": "1"})] * 3, tool=tool)
    without = trial([text("1")] * 3, tool=tool)
    assert warnings_of([], [], [good]) == ()
    assert "breaks its own output schema" in warnings_of([], [], [bad])[0]
    assert "no structured content" in warnings_of([], [], [without])[0]


def test_slow_calls_are_repeated_beside_each_other() -> None:
    tried = trial(*[[text("1")]] * 4)
    for call in tried.calls:
        call.answers[0] = right(text("1"), 12.0)
    assert repeats_s([tried]) == 24.0
    assert repeats_s([trial([text("1")], [text("2")])]) == 0.04


def test_names_in_braces_of_an_answer_stand_for_themselves() -> None:
    (call,) = drawn_calls(trial([text("Hello {unique}")] * 3), ())
    assert call.step.literals == {"unique": "{unique}"}
    assert filled(call.step, {"unique": "u"}).expect == Expectation.text("Hello {unique}")
