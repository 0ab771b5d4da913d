from __future__ import annotations

from dataclasses import fields

import pytest

from music21_server.errors import ScoreError, TooMuchScoreError
from music21_server.score.limits import Limits


@pytest.mark.parametrize("name", [field.name for field in fields(Limits)])
def test_the_error_names_the_limit_and_its_setting(name):
    limits = Limits(**{name: 1_000})
    limits.check(name, 1_000)
    with pytest.raises(TooMuchScoreError, match=rf"at most 1,000 .* \(setting {name}\), got 1,001"):
        limits.check(name, 1_001)


def test_an_exceeded_limit_is_a_score_error():
    assert issubclass(TooMuchScoreError, ScoreError)
