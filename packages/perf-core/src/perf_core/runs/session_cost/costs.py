"""From the ladders and endings of a measurement to costs per unit; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from perf_core.analysis.session_memory import Estimate, beyond, memory_per_unit, per_request
from perf_core.results.session_costs import Cost, CostName, Ending, Ladder, LadderName

_NAMES: dict[LadderName, CostName] = {
    "abandoned": "abandoned",
    "dropped": "dropped",
    "streams": "streams",
    "deleted": "deleted",
    "refused": "refused",
    "refused_open": "refused_open",
    "request": "request",
}
_CONTROL_REQUESTS = 2
_PER_REQUEST = frozenset({"refused", "refused_open", "request"})


def costs_of(ladders: Sequence[Ladder], endings: Sequence[Ending], *, on_stdio: bool) -> tuple[Cost, ...]:
    """Return every cost that the ladders tell, those of sessions beyond what their requests cost alone."""
    by_name = {ladder.name: ladder for ladder in ladders}
    control = _estimate(by_name.get("control"))
    costs = [
        _cost(ladder, own, control, on_stdio=on_stdio)
        for name in _NAMES
        if (ladder := by_name.get(name)) is not None and (own := _estimate(ladder)) is not None
    ]
    return (*costs, *_bounds(endings))


def _estimate(ladder: Ladder | None) -> Estimate | None:
    return memory_per_unit(ladder.steps, counted_units=ladder.counted_units) if ladder is not None else None


def _cost(ladder: Ladder, own: Estimate, control: Estimate | None, *, on_stdio: bool) -> Cost:
    name: CostName = "child" if on_stdio else _NAMES[ladder.name]
    requests = ladder.requests_per_unit
    if name in _PER_REQUEST:
        own, requests = per_request(own, requests), 1
    share = requests / _CONTROL_REQUESTS
    net = beyond(own, control, share)
    requests_kb = max(0.0, control.kb * share) if control is not None else 0.0
    if net.high_kb < 0:
        # The memory had not settled when the control was measured: only its whole growth is certain.
        bound_kb = max(0.0, own.high_kb)
        return Cost(name, bound_kb, 0.0, bound_kb, ladder.units, is_upper_bound=True)
    return Cost(name, net.kb, net.low_kb, net.high_kb, ladder.units, requests_kb)


def _bounds(endings: Sequence[Ending]) -> Iterator[Cost]:
    """Yield what is left of expired sessions: an upper bound, as allocators keep what was freed."""
    for ending in endings:
        if ending.name != "expiry" or not ending.sessions:
            continue
        if ending.before_kb is not None and ending.after_kb is not None:
            left_kb = max(0.0, (ending.after_kb - ending.before_kb) / ending.sessions)
            yield Cost("expired", left_kb, 0.0, left_kb, ending.sessions, is_upper_bound=True)
