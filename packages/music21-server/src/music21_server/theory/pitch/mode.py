"""The major and the minor mode."""

from __future__ import annotations

from typing import Literal

Mode = Literal["major", "minor"]
