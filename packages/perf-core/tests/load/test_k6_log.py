"""Exceptions of the scripts in k6's log."""

from __future__ import annotations

from perf_core.load.k6_log import script_faults
from perf_core.server.credentials.masking import masked

LOG = """\
Request Failed
test aborted: most of the last 20 calls failed at countError (file:///k6/lib/virtual_user.js:390:21(6))
SyntaxError: Invalid regular expression
\tat patternOf (file:///k6/lib/further_answers.js:120:5(3))
\tat file:///k6/lib/virtual_user.js:99:7(5)

TypeError: x is not a function
\tat call (file:///k6/lib/virtual_user.js:1:1(1))
SyntaxError: Invalid regular expression
\tat patternOf (file:///k6/lib/further_answers.js:120:5(3))
"""


def test_each_exception_is_a_fault_with_its_count() -> None:
    assert script_faults(LOG.splitlines()) == (
        "an exception in the scripts left answers unjudged (2 logged): "
        "SyntaxError: Invalid regular expression",
        "an exception in the scripts left answers unjudged (1 logged): TypeError: x is not a function",
    )


def test_other_messages_are_no_faults() -> None:
    assert script_faults(LOG.splitlines()[:2]) == ()
    assert script_faults(["\tat nothing"]) == ()


def test_secret_at_the_end_of_a_message_is_masked() -> None:
    message = f"{'x' * 285} opensesame-7"
    (fault,) = script_faults([message, "\tat call (file:///k6/lib/x.js:1:1(1))"])
    assert "opens" not in masked(fault, ["opensesame-7"])
