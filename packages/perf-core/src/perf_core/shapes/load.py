"""The shape ``load``: sustained load at the expected levels."""

from __future__ import annotations

from perf_core.shapes.shape import Shape

SHAPE = Shape(name="load", summary="Does it meet its targets at the expected load of 50 and 100 users?")
