"""JSON values as TOML: whatever is written is read again as the same value."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_core.targets.toml_text import NotTomlError, toml_comment, toml_key, toml_value

SCALARS = (
    st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(VALUES)
def test_value_is_read_again_unchanged(value: object) -> None:
    document = tomllib.loads(f"x = {toml_value(value)}")  # type: ignore[arg-type] # it is a JSON value
    assert document == {"x": value}
    assert "\n" not in toml_value(value)  # type: ignore[arg-type] # it is a JSON value


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_name_is_a_key_and_any_text_a_comment(text: str) -> None:
    assert tomllib.loads(f"{toml_key(text)} = 1\n{toml_comment(text)}\n") == {text: 1}


@pytest.mark.parametrize("value", [None, {"a": [None]}, "\ud800", float("inf"), float("nan"), {"\udfff": 1}])
def test_value_that_toml_lacks_is_refused(value: object) -> None:
    with pytest.raises(NotTomlError):
        toml_value(value)  # type: ignore[arg-type] # some are no JSON values
