"""The four operations on finite IEEE 754 doubles.

Results are rounded as the standard says: they may underflow to zero or to a denormal number, and zero keeps
its sign. What the standard answers with infinity or NaN is an error here.
"""

from __future__ import annotations

import math


class CalculationError(ValueError):
    """The operation has no finite result; the text says what to change."""


class DivisionByZeroError(CalculationError):
    """The divisor is zero."""


class ResultOverflowError(CalculationError):
    """The result is beyond the largest double."""


class NotFiniteError(CalculationError):
    """An operand is NaN or infinite."""


def add(a: float, b: float) -> float:
    """The sum of two finite numbers."""
    _require_finite(a=a, b=b)
    return _finite(a + b, "sum")


def subtract(a: float, b: float) -> float:
    """The difference of two finite numbers, the second taken from the first."""
    _require_finite(a=a, b=b)
    return _finite(a - b, "difference")


def multiply(a: float, b: float) -> float:
    """The product of two finite numbers."""
    _require_finite(a=a, b=b)
    return _finite(a * b, "product")


def divide(a: float, b: float) -> float:
    """The quotient of two finite numbers, the first divided by the second."""
    _require_finite(a=a, b=b)
    if b == 0:
        raise DivisionByZeroError("Division by zero has no result: send a divisor 'b' other than zero.")
    return _finite(a / b, "quotient")


def _require_finite(**operands: float) -> None:
    for name, operand in operands.items():
        if not math.isfinite(operand):
            raise NotFiniteError(f"'{name}' must be finite, not NaN or infinite: send a finite number.")


def _finite(result: float, what: str) -> float:
    if math.isinf(result):
        cure = "a divisor further from zero" if what == "quotient" else "operands of smaller magnitude"
        raise ResultOverflowError(
            f"The {what} is too large for a 64-bit float (beyond about 1.8e308): send {cure}."
        )
    return result
