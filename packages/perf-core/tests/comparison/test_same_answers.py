"""The check that two servers give the same answers, as far as the calls check them."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import httpx2
import pytest

from perf_core import UNIQUE, Expectation, Journey, Step
from perf_core.comparison import same_answers
from perf_core.errors import Interrupted, NoAnswer, NotComparable, TargetError
from perf_core.interruption import Interruption


class FakeClient:
    """A client of a server whose answer is a function of the arguments."""

    def __init__(self, answer: Callable[[Any], dict[str, Any]], tools: tuple[str, ...] = ("t",)) -> None:
        self._answer = answer
        self._tools = tools
        self.calls = 0

    def tools(self) -> tuple[str, ...]:
        return self._tools

    def call(self, _tool: str, arguments: Any) -> dict[str, Any]:
        self.calls += 1
        return self._answer(arguments)


def expect_same_answers(
    a: FakeClient, b: FakeClient, wanted: list[Journey], steps: list[tuple[str, float | None]] | None = None
) -> float:
    shown: list[tuple[str, float | None]] = [] if steps is None else steps
    return same_answers.expect_same_answers(
        [lambda: nullcontext(a), lambda: nullcontext(b)],  # type: ignore[arg-type, return-value, list-item] # fake clients
        wanted,
        interruption=Interruption(),
        on_progress=lambda step, share: shown.append((step, share)),
    )


def answers(structured: object = None, text: str = "x", failed: bool = False) -> dict[str, Any]:
    result: dict[str, Any] = {"content": [{"type": "text", "text": text}], "isError": failed}
    return result if structured is None else {**result, "structuredContent": structured}


def journeys(expect: Expectation, count: int = 100) -> list[Journey]:
    return [Journey("j", (Step("t", {"n": n}, expect),)) for n in range(count)]


def check(first: dict[str, Any], second: dict[str, Any], expect: Expectation) -> None:
    expect_same_answers(FakeClient(lambda _: first), FakeClient(lambda _: second), journeys(expect))


@pytest.mark.parametrize(
    ("expect", "first", "second"),
    [
        (Expectation.result({"r": 1}), answers({"r": 1}, "1"), answers({"r": 1}, "1.0")),
        (Expectation.text("x"), answers({"r": 1}), answers({"r": 2})),
        (Expectation.error(), answers(text="no", failed=True), answers(text="never", failed=True)),
        (Expectation.anything(), answers({"r": 1}, '{"r":1}'), answers({"r": 1}, '{"r": 1}')),
        (Expectation.anything(), answers(text="x"), answers({"r": 1}, "x")),
    ],
)
def test_unchecked_parts_of_an_answer_may_differ(expect, first, second) -> None:
    check(first, second, expect)


@pytest.mark.parametrize(
    ("expect", "first", "second"),
    [
        (Expectation.result({"r": 1}), answers({"r": 1}), answers({"r": 2})),
        (Expectation.result({"r": 1}), answers({"r": 1}), answers()),
        (Expectation.text("x"), answers(text="x"), answers(text="y")),
        (Expectation.error(), answers(failed=True), answers(failed=False)),
        (Expectation.anything(), answers({"r": 1}), answers({"r": 2})),
        (Expectation.anything(), answers(text="x"), answers(text="y")),
    ],
)
def test_different_answers_are_not_comparable(expect, first, second) -> None:
    with pytest.raises(NotComparable, match="expected the same answer"):
        check(first, second, expect)


def test_answers_that_vary_on_one_server_may_differ() -> None:
    ticks = iter(range(1000))
    clock = FakeClient(lambda _: answers(text=str(next(ticks))))
    expect_same_answers(clock, FakeClient(lambda _: answers(text="now")), journeys(Expectation.anything()))


def test_difference_late_in_the_pool_is_noticed() -> None:
    first = FakeClient(lambda arguments: answers({"n": arguments["n"]}))
    second = FakeClient(lambda arguments: answers({"n": arguments["n"] if arguments["n"] < 85 else 0}))
    with pytest.raises(NotComparable, match=r"t\(\{'n': 8\d\}\)"):
        expect_same_answers(first, second, journeys(Expectation.result(None)))
    assert first.calls < 30


@pytest.mark.parametrize("failure", ["wrong", "refused"])
def test_few_wrong_answers_are_left_to_the_load(failure: str) -> None:
    def answer(arguments: Any) -> dict[str, Any]:
        if arguments["n"] != 5:
            return answers({"n": arguments["n"]})
        if failure == "refused":
            raise TargetError("HTTP 500")
        return answers({"n": -1})

    first = FakeClient(lambda arguments: answers({"n": arguments["n"]}))
    expect_same_answers(first, FakeClient(answer), journeys(Expectation.result(None)))
    expect_same_answers(FakeClient(answer), first, journeys(Expectation.result(None)))


def test_server_that_refuses_every_call_is_not_comparable() -> None:
    def refuse(_arguments: Any) -> dict[str, Any]:
        raise TargetError("HTTP 500")

    first, second = FakeClient(lambda _: answers({"r": 1})), FakeClient(refuse)
    for expect in (Expectation.result({"r": 1}), Expectation.anything(), Expectation.error()):
        with pytest.raises(NotComparable, match="HTTP 500"):
            expect_same_answers(first, second, journeys(expect))


def test_single_difference_that_the_load_would_not_see_is_not_comparable() -> None:
    first = FakeClient(lambda _: answers({"r": 1}))
    second = FakeClient(lambda arguments: answers({"r": 2 if arguments["n"] == 5 else 1}))
    with pytest.raises(NotComparable):
        expect_same_answers(first, second, journeys(Expectation.anything()))


def test_median_call_time_of_the_slower_server_is_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 100.0
    monkeypatch.setattr(time, "perf_counter", lambda: now_s)

    def server(call_s: float) -> FakeClient:
        def answer(arguments: Any) -> dict[str, Any]:
            nonlocal now_s
            # One call is slow, which a median ignores.
            now_s += 10 * call_s if arguments["n"] == 0 else call_s
            return answers()

        return FakeClient(answer)

    took_s = expect_same_answers(server(0.001), server(0.002), journeys(Expectation.anything()))
    assert took_s == pytest.approx(0.002)


def test_missing_tool_is_not_comparable() -> None:
    first, second = FakeClient(lambda _: answers()), FakeClient(lambda _: answers(), tools=("u", "v"))
    with pytest.raises(NotComparable, match="got u, v from the second server"):
        expect_same_answers(first, second, journeys(Expectation.anything()))


def test_only_expected_members_are_compared() -> None:
    expect = Expectation.members({"key": "G"})
    check(answers({"key": "G", "at": 1}), answers({"key": "G", "at": 2}), expect)
    with pytest.raises(NotComparable):
        check(answers({"key": "G"}), answers({"key": "C"}), expect)
    with pytest.raises(NotComparable):
        check(answers({"key": "G"}), answers({"at": 1}), expect)


def test_unique_texts_differ_between_journeys_but_not_between_servers() -> None:
    seen: tuple[list[Any], list[Any]] = [], []
    step = Step("t", {"name": f"x-{UNIQUE}"}, Expectation.anything())
    both = [FakeClient(lambda arguments, own=own: own.append(arguments["name"]) or answers()) for own in seen]
    expect_same_answers(*both, [Journey("j", (step, step))] * 3)
    assert seen[0] == seen[1]
    assert len(seen[0]) == 6
    assert len(set(seen[0])) == 3
    assert not any("{" in name for name in seen[0])


@pytest.mark.parametrize(
    ("expect", "right", "wrong"),
    [
        (Expectation.contains("cold"), answers(text="a cold day"), answers(text="warm")),
        (Expectation.regex(r"^\d+ degrees$"), answers(text="3 degrees"), answers(text="no idea")),
        (Expectation.json({"id": 1}), answers(text='{"id": 1, "at": 5}'), answers(text='{"id": 2}')),
        (Expectation.paths({"/content/0/text": "x"}), answers(text="x"), answers(text="y")),
        (Expectation.whole(answers(text="x")), answers(text="x"), answers(text="y")),
        (Expectation.shape({"content": [{"text": "string"}]}), answers(), {"content": [{"type": "image"}]}),
    ],
)
def test_further_expectations_compare_what_they_check(expect, right, wrong) -> None:
    other = {**right, "_meta": {"took": 5}}
    check(right, other, expect)
    with pytest.raises(NotComparable):
        check(right, wrong, expect)


def test_each_server_gets_the_values_that_it_returned() -> None:
    def server(first_id: int) -> tuple[FakeClient, list[Any]]:
        asked: list[Any] = []

        def answer(arguments: Any) -> dict[str, Any]:
            asked.append(arguments)
            return answers({"id": arguments.get("id", first_id)})

        return FakeClient(answer), asked

    create = Step("t", {}, Expectation.shape({}), save={"id": "/structuredContent/id"})
    read = Step("t", {"id": "{id}"}, Expectation.result({"id": "{id}"}))
    (a, asked_a), (b, asked_b) = server(1), server(2)
    expect_same_answers(a, b, [Journey("j", (create, read))])
    assert asked_a[1] == {"id": 1}
    assert asked_b[1] == {"id": 2}


def test_journey_ends_where_a_value_is_missing() -> None:
    create = Step("t", {}, Expectation.anything(), save={"id": "/structuredContent/id"})
    read = Step("t", {"id": "{id}"}, Expectation.anything())
    a, b = FakeClient(lambda _: answers()), FakeClient(lambda _: answers())
    expect_same_answers(a, b, [Journey("j", (create, read))])
    assert a.calls == b.calls == 1, "{id} itself is no value to send"


def test_slow_calls_are_made_several_at_a_time_and_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(same_answers, "PARALLEL_AFTER_S", 0.0)
    together, calls = threading.Barrier(4, timeout=10), itertools.count()

    def answer(_arguments: Any) -> dict[str, Any]:
        if next(calls) < 4:
            together.wait()  # until four calls are in progress
        return answers({"r": 1})

    steps: list[tuple[str, float | None]] = []
    wanted = journeys(Expectation.result({"r": 1}), count=20)
    expect_same_answers(FakeClient(answer), FakeClient(answer), wanted, steps)
    assert ("comparing answers, 8 calls at once", 1.0) in steps


@pytest.mark.parametrize("count", [1, 20])
def test_closed_connection_is_a_wrong_answer_like_others(count: int) -> None:
    def close(arguments: Any) -> dict[str, Any]:
        if arguments["n"] < count:
            raise httpx2.RemoteProtocolError("Server disconnected")
        return answers({"r": 1})

    right, wrong = FakeClient(lambda _: answers({"r": 1})), FakeClient(close)
    wanted = journeys(Expectation.result({"r": 1}), count=20)
    if count == 1:
        expect_same_answers(right, wrong, wanted)
        assert right.calls == wrong.calls == 20
        return
    with pytest.raises(NotComparable, match="no answer: Server disconnected"):
        expect_same_answers(right, wrong, wanted)


def test_connection_is_opened_anew_after_a_failure() -> None:
    opened = itertools.count(1)

    class Mortal(FakeClient):
        """A client whose session ends with a failure."""

        is_dead = False

        def call(self, _tool: str, arguments: Any) -> dict[str, Any]:
            if self.is_dead or (arguments["n"] == 3 and number == 1):
                self.is_dead = True
                raise httpx2.ReadError("reset")
            return answers({"r": 1})

    number = 0

    def connect() -> Any:
        nonlocal number
        number = next(opened)
        return nullcontext(Mortal(lambda _: {}))

    same_answers.expect_same_answers(
        [lambda: nullcontext(FakeClient(lambda _: answers({"r": 1}))), connect],  # type: ignore[arg-type, return-value, list-item] # fake clients
        journeys(Expectation.result({"r": 1}), count=20),
        interruption=Interruption(),
        on_progress=lambda _step, _share: None,
    )
    assert number == 2


@pytest.mark.parametrize("limit_s", [1000.0, 30.0])
def test_call_that_waits_for_others_is_neither_slow_nor_wrong(
    limit_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = threading.local()
    monkeypatch.setattr(time, "perf_counter", lambda: getattr(now, "s", 0.0))

    def answer(_arguments: Any) -> dict[str, Any]:
        # It answers one call after the other, in pretended time: one of eight at once waits for seven.
        is_alone = threading.current_thread() is threading.main_thread()
        took_s = 4.0 if is_alone else 32.0
        now.s = getattr(now, "s", 0.0) + min(took_s, limit_s)
        if took_s > limit_s:
            raise NoAnswer("got none in time", timed_out=True)
        return answers({"r": 1})

    quick = FakeClient(lambda _: answers({"r": 1}))
    wanted = journeys(Expectation.result({"r": 1}), count=20)
    assert expect_same_answers(FakeClient(answer), quick, wanted) == pytest.approx(4.0)
    assert quick.calls >= 20


def test_tool_of_which_only_waiting_calls_are_known_took_the_shortest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(same_answers, "PARALLEL_AFTER_S", 1.0)
    now = threading.local()
    monkeypatch.setattr(time, "perf_counter", lambda: getattr(now, "s", 0.0))

    def answer(arguments: Any) -> dict[str, Any]:
        now.s = getattr(now, "s", 0.0) + (2.0 if arguments["n"] == 0 else arguments["n"])
        return answers({"r": 1})

    client = FakeClient(answer, tools=("t", "u"))
    wanted = journeys(Expectation.result({"r": 1}), count=1)
    wanted += [Journey("j", (Step("u", {"n": n}, Expectation.result({"r": 1})),)) for n in (5, 9, 7)]
    assert expect_same_answers(client, FakeClient(lambda _: answers({"r": 1}), ("t", "u")), wanted) == 5


def test_quick_calls_are_made_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "perf_counter", lambda: 100.0)
    steps: list[tuple[str, float | None]] = []
    both = [FakeClient(lambda _: answers({"r": 1})) for _ in range(2)]
    expect_same_answers(*both, journeys(Expectation.result({"r": 1}), count=20), steps)
    assert steps[0] == ("comparing answers", 0.0)
    assert len(steps) == 20


def test_interruption_ends_the_check() -> None:
    interruption = Interruption()
    interruption.requested = True
    client = FakeClient(lambda _: answers())
    with pytest.raises(Interrupted):
        same_answers.expect_same_answers(
            [lambda: nullcontext(client)] * 2,  # type: ignore[arg-type, return-value, list-item] # fake clients
            journeys(Expectation.anything()),
            interruption=interruption,
            on_progress=lambda _step, _share: None,
        )
    assert client.calls == 0


def test_of_many_servers_the_one_that_answers_otherwise_is_named() -> None:
    def server(number: int, seconds: float = 0.0) -> FakeClient:
        def answer(_: Any) -> dict[str, Any]:
            time.sleep(seconds)
            return answers({"r": number})

        return FakeClient(answer)

    def check_all(*clients: FakeClient) -> float:
        return same_answers.expect_same_answers(
            [lambda client=client: nullcontext(client) for client in clients],  # type: ignore[misc, arg-type, return-value] # fake clients
            journeys(Expectation.result({"r": 1}), count=3),
            interruption=Interruption(),
            on_progress=lambda _step, _share: None,
        )

    with pytest.raises(NotComparable, match=r"from all servers, got .*'r': 1.* from the third"):
        check_all(server(1), server(1), server(2), server(1))
    clients = [server(1), server(1), server(1, 0.002)]
    assert check_all(*clients) >= 0.002, "the slowest server sets the lengths of turns"
    assert [client.calls for client in clients] == [3, 3, 3], "each server is asked once"
