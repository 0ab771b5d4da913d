"""Puts the folder of the scripts on the path, as running one of them does."""

from __future__ import annotations

import sys
from pathlib import Path

_FOLDER = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(_FOLDER), str(_FOLDER.parent / "publishing")]
