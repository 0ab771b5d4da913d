"""A capacity in words: the answer, its badge and its circumstances."""

from __future__ import annotations

from collections.abc import Mapping

from perf_core.analysis.capacity.model import Answer, Capacity, Scaling
from perf_core.report.summary import Tone
from perf_core.report.wording import DASH, duration, plain, sentence, significant

TONES: Mapping[Answer, Tone] = {
    "interval": "good",
    "at least": "good",
    "none": "bad",
    "cannot tell": "unsure",
}
BADGES: Mapping[Answer, str] = {
    "interval": "CAPACITY",
    "at least": "AT LEAST",
    "none": "NO CAPACITY",
    "cannot tell": "CANNOT TELL",
}

LIMITS: Mapping[str, str] = {
    "refusals": "its own limits",
    "server CPU": "its CPU",
    "machine CPU": "the machine's CPUs",
    "machine": "other work on the machine",
    "generator": "the load generator",
    "errors": "errors",
    "waiting": "waiting, not CPU",
    "stalls": "stalls",
    "": DASH,
}


def rate(per_s: float | None) -> str:
    """Return a rate with its unit: ``188/s``."""
    return DASH if per_s is None else f"{significant(per_s)}/s"


def interval(capacity: Capacity) -> str:
    """Return the interval in short: ``181 to 195/s``."""
    match capacity.answer:
        case "interval":
            return f"{_end(capacity.low_per_s)} to {_end(capacity.high_per_s)}/s"
        case "at least":
            return f"at least {rate(capacity.low_per_s)}"
        case "none":
            return f"below {rate(capacity.high_per_s)}"
        case _:
            return DASH


def _end(per_s: float | None) -> str:
    # Three digits would round the ends of a narrow interval to each other.
    return significant(per_s, 4)


def summary(capacity: Capacity) -> str:
    """Return the answer in one sentence."""
    kept = " and ".join(capacity.objectives)
    match capacity.answer:
        case "interval":
            return _interval_sentence(capacity, kept)
        case "at least":
            return f"It keeps {kept} at {rate(capacity.low_per_s)}, and perhaps at more."
        case "none":
            return f"It does not keep {kept} at any rate: not even at {rate(capacity.high_per_s)}."
        case _:
            return f"No step told whether it keeps {kept}."


def _interval_sentence(capacity: Capacity, kept: str) -> str:
    return (
        f"It keeps {kept} up to about {rate(capacity.best_per_s)}; the limit lies between "
        f"{_end(capacity.low_per_s)} and {_end(capacity.high_per_s)}/s with a probability of "
        f"{100 * capacity.level:g} %."
    )


def when(capacity: Capacity) -> str:
    """Return in one line when and how it was measured."""
    machine = capacity.manifest.get("machine")
    facts = machine if isinstance(machine, Mapping) else {}
    cpu, cpus = facts.get("cpu", "an unknown machine"), facts.get("cpus")
    steps = len(capacity.steps)
    on = f"{cpu}, {cpus} CPUs" if cpus else f"{cpu}"
    transport = f", {capacity.transport}" if capacity.transport not in {"http", ""} else ""
    day = capacity.started_at[:16].replace("T", " ")
    return plain(
        f"{day} UTC, {steps} step{'' if steps == 1 else 's'} in {duration(capacity.duration_s)}, "
        f"evenly spaced arrivals, {capacity.wire} wire{transport}; {on}"
    )


def reasons(capacity: Capacity) -> tuple[str, ...]:
    """Return further sentences: what limited it, and remarks on the answer."""
    words = (capacity.limit_words, *capacity.reasons)
    return tuple(_full(text) for text in words if text)


def _full(text: str) -> str:
    text = sentence(plain(text))
    return text if text.endswith((".", "!", "?")) else f"{text}."


def scaling_words(law: Scaling) -> str:
    """Return the universal scalability law in one sentence."""
    text = (
        f"Throughput of {rate(law.per_s)} for one call at a time, contention {law.contention:.3g}, "
        f"coherency {law.coherency:.2g}"
    )
    if law.peak_in_flight is not None:
        peak = f"{rate(law.peak_per_s)} with {significant(law.peak_in_flight)} calls in flight"
        return f"{text}; it peaks at {peak}"
    if law.peak_per_s is not None:
        return f"{text}; it levels off towards {rate(law.peak_per_s)}"
    return f"{text}; nothing levels it off within these steps"
