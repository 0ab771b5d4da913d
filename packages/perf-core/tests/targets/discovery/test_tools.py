"""Listed tools, and which of them may be called without being asked."""

from __future__ import annotations

import pytest

from perf_core.targets.discovery.tools import DrawOptions, parse_tools, refusal, words_of

READ_ONLY = {"readOnlyHint": True}


def refused(options: DrawOptions, **entry: object) -> str:
    (tool,) = parse_tools([{"name": "t", **entry}])
    reason = refusal(tool, options)
    return reason.reason if reason else ""


@pytest.mark.parametrize(
    "hints",
    [
        None,
        {},
        {"readOnlyHint": False},
        {"readOnlyHint": "true"},
        {"readOnlyHint": 1},
        "read-only",
        [READ_ONLY],
    ],
)
def test_only_true_permits_a_call(hints: object) -> None:
    assert "does not say readOnlyHint" in refused(DrawOptions(), annotations=hints)
    assert refused(DrawOptions(), annotations=READ_ONLY) == ""


def test_writes_are_permitted_together_or_by_name() -> None:
    assert refused(DrawOptions(allow_writes=True), annotations={"readOnlyHint": False}) == ""
    assert refused(DrawOptions(allow_writes=True)) == ""
    assert refused(DrawOptions(only=("t",))) == ""
    assert refused(DrawOptions(only=("other",)), annotations=READ_ONLY) == "not named by --tool"


def test_destructive_tool_is_called_only_by_name() -> None:
    hints = {"destructiveHint": True}
    assert "destructiveHint" in refused(DrawOptions(allow_writes=True), annotations=hints)
    assert "destructiveHint" in refused(DrawOptions(), annotations={**hints, **READ_ONLY})
    assert refused(DrawOptions(only=("t",)), annotations=hints) == ""


def test_refusal_names_the_option_that_permits() -> None:
    (tool,) = parse_tools([{"name": "wipe", "annotations": {}}])
    reason = refusal(tool, DrawOptions())
    assert reason is not None
    assert "--tool wipe" in reason.advice
    assert "--allow-writes" in reason.advice


@pytest.mark.parametrize("name", ["all", "initialize", "a,b", 'a"b', "{a}", " a", "a ", "", "a\nb"])
def test_name_that_cannot_label_figures_is_left_out(name: str) -> None:
    assert "figures cannot have its name" in refused(DrawOptions(), name=name, annotations=READ_ONLY)


@pytest.mark.parametrize("name", ["größe", "a b", "a/b", "a.b-c_d"])
def test_names_that_need_encoding_are_called(name: str) -> None:
    assert refused(DrawOptions(), name=name, annotations=READ_ONLY) == ""


def test_tool_that_needs_a_task_is_left_out() -> None:
    assert "task" in refused(DrawOptions(), annotations=READ_ONLY, execution={"taskSupport": "required"})
    assert refused(DrawOptions(), annotations=READ_ONLY, execution={"taskSupport": "optional"}) == ""


def test_malformed_entries_do_not_break_the_list() -> None:
    tools = parse_tools(
        [{}, {"name": 5, "description": None}, {"name": "a"}, {"name": "a", "inputSchema": 1}]
    )
    assert [tool.name for tool in tools] == ["", "5", "a"]
    assert tools[2].input_schema is None, "the first of two with the same name"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("listUser_IDs", {"list", "user", "id"}),
        ("get-HTTPStatus", {"get", "http", "status"}),
        ("categories", {"category"}),
        ("boxes", {"box"}),
        ("address", {"address"}),
        ("", set()),
    ],
)
def test_words_of_names_are_singular(name: str, words: set[str]) -> None:
    assert words_of(name) == words
