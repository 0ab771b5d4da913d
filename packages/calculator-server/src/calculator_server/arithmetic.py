"""The four operations on finite IEEE 754 doubles.

Results are rounded as in the standard: they may underflow to zero or to a denormal number, and zero keeps its
sign. Results that would be infinite or NaN are errors here.
"""

from __future__ import annotations

import math


class CalculationError(ValueError):
    """The operation has no finite result; the message says what to change."""


class DivisionByZeroError(CalculationError):
    """The divisor is zero."""


class ResultOverflowError(CalculationError):
    """The result is beyond the largest double."""


class NotFiniteError(CalculationError):
    """An operand is NaN or infinite."""


def add(a: float, b: float) -> float:
    """Return the sum of two finite numbers."""
    _require_finite(a=a, b=b)
    return _finite(a + b, "sum")


def subtract(a: float, b: float) -> float:
    """Return the first finite number minus the second."""
    _require_finite(a=a, b=b)
    return _finite(a - b, "difference")


def multiply(a: float, b: float) -> float:
    """Return the product of two finite numbers."""
    _require_finite(a=a, b=b)
    return _finite(a * b, "product")


def divide(a: float, b: float) -> float:
    """Return the first finite number divided by the second."""
    _require_finite(a=a, b=b)
    if b == 0:
        raise DivisionByZeroError("Division by zero has no result: send a divisor 'b' other than zero.")
    return _finite(a / b, "quotient")


def _require_finite(**operands: float) -> None:
    for name, operand in operands.items():
        if not math.isfinite(operand):
            raise NotFiniteError(f"'{name}' must be finite, not NaN or infinite: send a finite number.")


def _finite(result: float, name: str) -> float:
    if math.isinf(result):
        cure = "a divisor further from zero" if name == "quotient" else "operands of smaller magnitude"
        raise ResultOverflowError(
            f"The {name} is too large for a 64-bit float (beyond about 1.8e308): send {cure}."
        )
    return result
