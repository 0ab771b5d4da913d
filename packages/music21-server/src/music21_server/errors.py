"""What can be wrong with a score, said so that whoever sent it can put it right.

ScoreError
├── UnreadableScoreError   the content is not what it claims to be, or is broken
├── TooMuchScoreError      it is beyond a limit; the message names the limit and its setting
└── UnknownScoreError      no score has that name
"""

from __future__ import annotations


class ScoreError(Exception):
    """A score cannot be served; the message says what was expected, what came, and what to do."""


class UnreadableScoreError(ScoreError):
    """The content is not what it claims to be, or is broken."""


class TooMuchScoreError(ScoreError):
    """The content is beyond a limit."""


class UnknownScoreError(ScoreError):
    """No score has that name."""
