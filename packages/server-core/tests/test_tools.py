from __future__ import annotations

from typing import Annotated, Any

import pytest
from fastmcp.exceptions import ValidationError
from fastmcp.tools import FunctionTool
from pydantic import Field

from server_core import PlainTool

pytestmark = pytest.mark.anyio

Finite = Annotated[float, Field(strict=True, allow_inf_nan=False)]


async def sample(
    amount: Finite, text: str = "", sizes: list[int] | None = None, level: Annotated[int, Field(le=3)] = 1
) -> str:
    """A tool with several kinds of arguments."""
    return f"{amount} {text} {sizes} {level}"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({}, "sample needs the argument 'amount', which is missing: send a JSON number."),
        ({"amount": "1"}, "'amount' must be a JSON number, but \"1\" was sent"),
        ({"amount": True}, "'amount' must be a JSON number, but true was sent"),
        ({"amount": None}, "'amount' must be a JSON number, but null was sent"),
        ({"amount": float("nan")}, "'amount' must be finite, not NaN or infinite"),
        ({"amount": float("-inf")}, "'amount' must be finite"),
        ({"amount": 10**400}, "'amount' must be finite"),
        ({"amount": 1, "amuont": 2}, 'sample has no argument "amuont": leave it out'),
        ({"amount": 1, "text": 2}, "'text' must be a JSON string, but 2 was sent"),
        ({"amount": 1, "sizes": [1, "x"]}, "'sizes.1' is wrong, \"x\" was sent"),
        ({"amount": 1, "level": 4}, "'level' is wrong, 4 was sent: Input should be less than or equal to 3"),
        ({"amount": "\ud800"}, '"\\ud800" was sent'),
        ({"amount": "x" * 10_000}, f'"{"x" * 59}… was sent'),
    ],
)
async def test_wrong_arguments_are_explained_in_a_sentence(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        await PlainTool.from_function(sample).run(arguments)
    text = str(caught.value)
    assert sentence in text
    assert "http" not in text
    assert "\n" not in text
    assert len(text) < 300


async def test_each_wrong_argument_has_its_own_sentence() -> None:
    with pytest.raises(ValidationError) as caught:
        await PlainTool.from_function(sample).run({"amount": "1", "text": 2, "more": 3})
    assert [name for name in ("'amount'", "'text'", '"more"') if name in str(caught.value)] == [
        "'amount'",
        "'text'",
        '"more"',
    ]


async def test_the_first_ten_wrong_arguments_are_described() -> None:
    with pytest.raises(ValidationError) as caught:
        await PlainTool.from_function(sample).run({f"a{number}": 1 for number in range(100_000)})
    text = str(caught.value)
    assert text.startswith("sample needs the argument 'amount'")
    assert [text.count(f'"a{number}"') for number in (0, 8, 9)] == [1, 1, 0]
    assert text.endswith("its arguments are 'amount' and 'text' and 'sizes' and 'level'. And 99,991 more.")
    assert len(text) < 2_000


async def test_ten_wrong_arguments_are_all_described() -> None:
    with pytest.raises(ValidationError) as caught:
        await PlainTool.from_function(sample).run({f"a{number}": 1 for number in range(9)})
    assert '"a8"' in str(caught.value)
    assert "more" not in str(caught.value)


@pytest.mark.parametrize(
    "sizes",
    [{"k" * 100_000: 1}, ["x"] * 100_000, [{"k" * 100_000: "v"}], [["x" * 100_000] * 20], "x" * 1_000_000],
)
async def test_the_text_is_bounded_whatever_is_sent(sizes: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        await PlainTool.from_function(sample).run({"amount": 1, "sizes": sizes})
    assert len(str(caught.value)) < 3_000


async def test_keys_that_the_client_has_chosen_are_shortened() -> None:
    async def count(sizes: dict[str, int]) -> int:
        return len(sizes)

    tool = PlainTool.from_function(count)
    with pytest.raises(ValidationError) as caught:
        await tool.run({"sizes": {"k" * 100_000: "x"}})
    assert str(caught.value).startswith(f"'sizes.{'k' * 194}…' is wrong, \"x\" was sent: ")
    assert len(str(caught.value)) < 400


async def test_valid_arguments_pass() -> None:
    result = await PlainTool.from_function(sample).run({"amount": 1, "text": "x"})
    assert result.structured_content == {"result": "1.0 x None 1"}


def _one_line(number: int) -> int:
    """Double a number: 2 * n. Use it for pairs."""
    return number


def _paragraphs(number: int) -> int:
    """Double a number.

    Use it for pairs
    and for twins: they come in twos. Note: not for
    triplets.
    """
    return number


def _google(number: int) -> int:
    """Double a number.

    Args:
        number: What is doubled.
    """
    return number


def _numpy(number: int) -> int:
    """Double a number.

    Parameters
    ----------
    number : int
        What is doubled.
    """
    return number


def _sphinx(number: int) -> int:
    """Double a number.

    :param number: What is doubled.
    """
    return number


def _admonition(number: int) -> int:
    """Double a number.

    Note:
        Not for triplets.
    """
    return number


def _undocumented(number: int) -> int:
    return number


class _Numbers:
    def double(self, number: int) -> int:
        """Double a number."""
        return number


DOCUMENTED = (_one_line, _paragraphs, _google, _numpy, _sphinx, _admonition, _undocumented, _Numbers().double)


@pytest.mark.parametrize("function", DOCUMENTED, ids=lambda each: each.__name__)
def test_description_is_the_one_that_fastmcp_finds(function: Any) -> None:
    doc = function.__doc__
    plain, fastmcp = PlainTool.from_function(function), FunctionTool.from_function(function)
    assert plain.description == fastmcp.description
    assert plain.parameters == fastmcp.parameters
    assert function.__doc__ == doc


def test_description_that_is_given_comes_before_the_docstring() -> None:
    tool = PlainTool.from_function(_one_line, description="Twice.", name="twice")
    assert (tool.name, tool.description) == ("twice", "Twice.")


def test_docstring_stays_where_no_tool_can_be_made() -> None:
    def several(*numbers: int) -> int:
        """Add numbers."""
        return sum(numbers)

    with pytest.raises(ValueError, match="args"):
        PlainTool.from_function(several)
    assert several.__doc__ == "Add numbers."
