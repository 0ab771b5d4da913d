from __future__ import annotations

import math
import operator
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from calculator_server import arithmetic
from calculator_server.arithmetic import (
    CalculationError,
    DivisionByZeroError,
    NotFiniteError,
    ResultOverflowError,
)

Operation = Callable[[float, float], float]
OPERATIONS = {
    "add": (arithmetic.add, operator.add),
    "subtract": (arithmetic.subtract, operator.sub),
    "multiply": (arithmetic.multiply, operator.mul),
    "divide": (arithmetic.divide, operator.truediv),
}
finite = st.floats(allow_nan=False, allow_infinity=False)
not_finite = st.sampled_from([math.nan, math.inf, -math.inf])


@pytest.mark.parametrize("name", OPERATIONS)
@given(a=finite, b=finite)
@example(a=-0.0, b=1.0)
@example(a=5e-324, b=2.0)
@example(a=1.7976931348623157e308, b=10.0)
@example(a=0.0, b=-0.0)
def test_every_finite_result_is_pythons_own_bit_for_bit(name: str, a: float, b: float) -> None:
    ours, pythons = OPERATIONS[name]
    if name == "divide" and b == 0:
        with pytest.raises(DivisionByZeroError):
            ours(a, b)
        return
    expected = pythons(a, b)
    if math.isinf(expected):
        with pytest.raises(ResultOverflowError):
            ours(a, b)
    else:
        assert ours(a, b).hex() == expected.hex(), "the sign of zero counts too"


@pytest.mark.parametrize("name", OPERATIONS)
@given(a=finite, b=not_finite)
def test_no_operand_may_be_nan_or_infinite(name: str, a: float, b: float) -> None:
    operation, _ = OPERATIONS[name]
    with pytest.raises(NotFiniteError, match="'b' must be finite"):
        operation(a, b)
    with pytest.raises(NotFiniteError, match="'a' must be finite"):
        operation(b, a)


def test_underflow_and_denormal_numbers_are_results() -> None:
    assert arithmetic.multiply(1e-200, 1e-200) == 0.0
    assert math.copysign(1, arithmetic.multiply(-1e-200, 1e-200)) == -1
    assert arithmetic.divide(5e-324, 1.0) == 5e-324


@pytest.mark.parametrize(
    ("operation", "a", "b", "cure"),
    [
        (arithmetic.divide, 1.0, -0.0, "send a divisor 'b' other than zero"),
        (arithmetic.multiply, 1e308, 10.0, "send operands of smaller magnitude"),
        (arithmetic.divide, 1e308, 0.1, "send a divisor further from zero"),
        (arithmetic.add, math.inf, 1.0, "send a finite number"),
    ],
)
def test_errors_say_what_to_change(operation: Operation, a: float, b: float, cure: str) -> None:
    with pytest.raises(CalculationError) as caught:
        operation(a, b)
    assert cure in str(caught.value)
