"""The shape ``quick``: a first look under a little load, on both wires."""

from __future__ import annotations

from perf_core.adapter import WIRES
from perf_core.shapes.shape import Shape

SHAPE = Shape(name="quick", summary="Does it work under a little load, on both wires?", wires=WIRES)
