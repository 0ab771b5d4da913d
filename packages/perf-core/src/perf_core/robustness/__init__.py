"""The questions of the second guide: many clients, large content, limits, mistakes, crashes, whole days.

Pure functions find the answers in what was measured, one module per question; ``strikes`` and ``stock`` are
what the lab does beside the load for them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from perf_core.evidence import Evidence, Found
from perf_core.robustness.hours import find_hours
from perf_core.robustness.leftovers import find_leftovers
from perf_core.robustness.levels import find_levels
from perf_core.robustness.limits import find_limits
from perf_core.robustness.memory import find_memory
from perf_core.robustness.outages import find_outages
from perf_core.robustness.pools import find_pools, find_unreached

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
