"""The questions of the second guide: many clients, large content, limits, mistakes, crashes, whole days.

Pure functions find the answers in what was measured, one module per question; ``strikes`` and ``stock`` are
what the lab does beside the load for them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from perf_core.analysis.evidence import Evidence, Found
from perf_core.shapes.cleanup import find_leftovers
from perf_core.shapes.concurrent import find_levels
from perf_core.shapes.memory import find_memory
from perf_core.shapes.pools import find_pools, find_unreached
from perf_core.shapes.rate_limit import find_limits
from perf_core.shapes.recovery import find_outages
from perf_core.shapes.stability import find_hours

FINDERS: Mapping[str, Callable[[Evidence], Found]] = {
    "concurrent": find_levels,
    "large-scores": find_pools,
    "memory": find_memory,
    "tools": find_unreached,
    "rate-limit": find_limits,
    "cleanup": find_leftovers,
    "stability": find_hours,
    "recovery": find_outages,
}
