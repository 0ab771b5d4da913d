"""What can be wrong with a score, said so that whoever sent it can put it right.

ScoreError
├── UnreadableScore   the content is not what it claims to be, or is broken
├── TooMuchScore      it is beyond a limit; the message names the limit and its setting
└── UnknownScore      no score has that name
"""

from __future__ import annotations


class ScoreError(Exception):
    """A score cannot be served; the message says what was expected, what came, and what to do."""


class UnreadableScore(ScoreError):
    """The content is not what it claims to be, or is broken."""


class TooMuchScore(ScoreError):
    """The content is beyond a limit."""


class UnknownScore(ScoreError):
    """No score has that name."""
