from __future__ import annotations

import pytest

from perf_core.analysis.profiles import (
    MOST_DEPTH,
    RARE,
    FlameFrame,
    Stack,
    flame,
    merged,
    name_and_file,
    of_server,
    read_stacks,
    top_functions,
)
from perf_core.results.profile import ProfiledFunction

MAIN, ADD, LOG = "main (a.py:1)", "add (b.py:7)", "log (c.py:2)"


def test_stacks_are_read_with_their_samples() -> None:
    text = f"{MAIN};{ADD} 12\n{MAIN} 3\n\nno number\n"
    assert list(read_stacks(text)) == [Stack((MAIN, ADD), 12), Stack((MAIN,), 3)]


@pytest.mark.parametrize(
    "command_line",
    [
        "python -m shop",
        'python -c "import time; time.sleep(1)"',
        "python --password main (a.py:1);add 7",
        'sh -c "a";"b"; process 99:"x"',
        "python -c import time\n\nmain (b.py:1) 3\ntime.sleep(1)",
    ],
)
def test_processes_are_told_apart_and_their_command_lines_dropped(command_line: str) -> None:
    text = f'process 7:"uv run";process 1234:"{command_line}";{MAIN};{ADD} 5\n'
    (stack,) = read_stacks(text)
    assert (stack.frames, stack.samples) == ((MAIN, ADD), 5)
    if "process" not in command_line:
        assert stack.pid == 1234


def test_a_stack_without_python_frames_is_of_no_function() -> None:
    stacks = list(read_stacks(f'process 7:"bridge" 4\nprocess 8:"server";{MAIN} 6\n'))
    assert of_server(stacks, ()) == [Stack((MAIN,), 6, 8)]


def test_processes_are_left_out_by_number() -> None:
    stacks = [Stack((MAIN,), 1, 7), Stack((ADD,), 2, 8)]
    assert of_server(stacks, (7,)) == [Stack((ADD,), 2, 8)]


def test_the_stacks_of_all_processes_are_merged() -> None:
    stacks = [Stack((MAIN, ADD), 5, 7), Stack((MAIN,), 9, 7), Stack((MAIN, ADD), 6, 8)]
    assert merged(stacks) == (f"{MAIN};{ADD} 11", f"{MAIN} 9")


def test_rare_frames_are_put_together_below_their_caller() -> None:
    rare = [Stack((MAIN, f"rare_{number} (r.py:{number})", "deep (r.py:99)"), 1) for number in range(3)]
    shown = merged([Stack((MAIN, ADD), 5000), *rare])
    assert shown == (f"{MAIN};{ADD} 5000", f"{MAIN};{RARE} 3")


def test_a_function_that_calls_itself_without_end_is_cut() -> None:
    (shown,) = merged([Stack((MAIN, *[ADD] * 5000), 10)])
    assert shown.count(ADD) == MOST_DEPTH - 1
    assert shown.endswith(f"{RARE} 10")
    assert len(flame([shown])) == MOST_DEPTH + 1


def test_functions_are_ranked_by_their_own_share() -> None:
    stacks = [Stack((MAIN, ADD), 6), Stack((MAIN, ADD, LOG), 3), Stack((MAIN,), 1)]
    assert top_functions(stacks) == (
        ProfiledFunction("add", "b.py:7", 0.6, 0.9),
        ProfiledFunction("log", "c.py:2", 0.3, 0.3),
        ProfiledFunction("main", "a.py:1", 0.1, 1.0),
    )
    assert len(top_functions(stacks, most=2)) == 2


def test_a_function_that_calls_itself_counts_once_in_a_stack() -> None:
    (function,) = top_functions([Stack((ADD, ADD, ADD), 4)])
    assert (function.self_share, function.total_share) == (1.0, 1.0)


@pytest.mark.parametrize(
    ("frame", "name", "place"),
    [
        (ADD, "add", "b.py:7"),
        ("<module> (<frozen runpy>:65)", "<module>", "<frozen runpy>:65"),
        ("f.<locals>.<lambda> (x (old).py:3)", "f.<locals>.<lambda> (x", "old).py:3"),
        ("native", "native", ""),
    ],
)
def test_frames_have_a_name_and_a_place(frame: str, name: str, place: str) -> None:
    assert name_and_file(frame) == (name, place)


def test_the_flame_graph_has_callers_above_what_they_call() -> None:
    frames = flame([f"{MAIN};{ADD};{LOG} 2", f"{MAIN};{ADD} 3", f"{MAIN} 1", f"{LOG} 4"])
    assert frames == [
        FlameFrame(LOG, 0, 0, 4, 4),
        FlameFrame(MAIN, 0, 4, 6, 1),
        FlameFrame(ADD, 1, 4, 5, 3),
        FlameFrame(LOG, 2, 4, 2, 2),
    ]


def test_no_stacks_make_no_flame_graph() -> None:
    assert flame([]) == []
    assert merged([]) == ()


@pytest.mark.parametrize(
    "frame",
    [
        "Condition.wait (threading.py:295)",
        "wait (threading.py:295)",
        "EpollSelector.select (selectors.py:451)",
        "KqueueSelector.select (/usr/lib/python3.14/selectors.py:451)",
        "Connection._recv (multiprocessing/connection.py:390)",
        "Popen._try_wait (subprocess.py:2001)",
    ],
)
def test_threads_that_wait_are_left_out(frame: str) -> None:
    running = Stack((MAIN, ADD), 5)
    assert of_server([Stack((MAIN, frame), 9), running], ()) == [running]
    above = Stack((MAIN, frame, ADD), 1)
    assert of_server([above], ()) == [above], "what it calls runs"
    own = Stack((MAIN, "wait (shop/queue.py:3)"), 1)
    assert of_server([own], ()) == [own]
