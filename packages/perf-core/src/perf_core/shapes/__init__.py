"""The load shapes: one module each, found by :mod:`perf_core.shapes.registry`."""
