"""The profile in the reports: functions by their share of the samples, and what the profiler cost."""

from __future__ import annotations

from perf_core.report.table import Table, table_of
from perf_core.report.wording import count, duration, figure_value, plain
from perf_core.results.profile import Profile
from perf_core.results.record import RunRecord

_SHOWN = 15


def profile_table(record: RunRecord) -> Table | None:
    """Return the functions with the largest share of their own; None without samples."""
    profile = record.profile
    if profile is None or not profile.samples:
        return None
    rows = [
        (
            plain(function.name),
            plain(function.file),
            figure_value("share", function.self_share),
            figure_value("share", function.total_share),
        )
        for function in profile.functions[:_SHOWN]
    ]
    return table_of(
        "Functions by CPU time of their own",
        ("function", "defined in", "own", "total"),
        rows,
        labels=2,
        note=profile_note(profile),
    )


def profile_note(profile: Profile) -> str:
    """Return how the samples were taken, and what that cost."""
    processes = "one process" if profile.processes == 1 else f"{count(profile.processes)} processes"
    unread = f"; not of {', '.join(map(plain, profile.unread))}" if profile.unread else ""
    failed = f", {count(profile.errors)} further samples failed" if profile.errors else ""
    text = (
        f"Shares of {count(profile.samples)} samples of running Python threads in {processes}{unread}, "
        f"{profile.rate_per_s} times a second for {duration(profile.duration_s)}{failed}. Own is "
        "the function and what it called in C, total also what it called in Python. "
    )
    if profile.profiler_cpu_s is None or not profile.duration_s:
        return f"{text}The profiler used CPU itself: times of this run include that."
    cores = profile.profiler_cpu_s / profile.duration_s
    return (
        f"{text}The profiler itself used {figure_value('share', cores)} of a CPU, and it stops the server "
        "for each sample: figures of time of this run include its cost."
    )


def profile_sentences(record: RunRecord) -> tuple[str, ...]:
    """Return why there are no samples, for a run that asked for them; none if there are."""
    profile = record.profile
    return (plain(profile.problem).rstrip("."),) if profile is not None and profile.problem else ()
