"""Puts the folders of the scripts and of the plug-in on the path, as running the suite does."""

from __future__ import annotations

import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent

sys.path[:0] = [str(FOLDER), str(FOLDER / "plugin")]
