"""Statistics over the periods of a load; pure functions."""

from __future__ import annotations

from collections.abc import Sequence


def recovery_s(
    t_s: Sequence[float],
    latency_ms: Sequence[float | None],
    *,
    dropped_at_s: float,
    until_s: float,
    limit_ms: float,
    calm_periods: int = 3,
) -> float | None:
    """Return the seconds from the drop of the load until the latency has recovered; None if it has not.

    It has recovered at the first of ``calm_periods`` periods in a row at or below ``limit_ms``. A period in
    which no call ended is not calm.

    Args:
        t_s: End of each period, seconds from the start of the load.
        latency_ms: Median latency of each period; None where no call ended.
    """
    calm: list[float] = []
    for t, latency in zip(t_s, latency_ms, strict=True):
        if not dropped_at_s < t <= until_s:
            continue
        if latency is None or latency > limit_ms:
            calm = []
            continue
        calm.append(t)
        if len(calm) == calm_periods:
            return calm[0] - dropped_at_s
    return None
