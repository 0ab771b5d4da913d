"""The environment of servers on stdio."""

from __future__ import annotations

from perf_core.server.bridge.child_environment import VARIABLE, child_environment, variables_to_json


def test_only_default_and_named_variables_are_passed_on() -> None:
    environ = {
        "PATH": "/bin",
        "TMPDIR": "/tmp/pc-1",
        "EDITOR": "vi",
        VARIABLE: variables_to_json({"UNIT": "C", "EMPTY": ""}),
    }
    assert child_environment(environ) == {
        "PATH": "/bin",
        "TMPDIR": "/tmp/pc-1",
        "UNIT": "C",
        "EMPTY": "",
    }


def test_named_variables_take_precedence() -> None:
    environ = {"PATH": "/bin", VARIABLE: variables_to_json({"PATH": "/opt/bin"})}
    assert child_environment(environ) == {"PATH": "/opt/bin"}


def test_functions_of_a_shell_are_left_out() -> None:
    assert child_environment({"PATH": "() { echo; }"}) == {}
