"""The profile of a server in the record of a run: which of its functions were on the CPU."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ProfiledFunction:
    """One function of the server.

    Attributes:
        file: Its file, relative to the folder from which it was imported, with the line of its definition.
        self_share: Share of all samples in which it ran itself, 0 to 1.
        total_share: Share of all samples in which it or something that it called ran.
    """

    name: str
    file: str
    self_share: float
    total_share: float


@dataclass(frozen=True)
class Profile:
    """Samples of the stacks of all Python threads that ran, in every process of the server.

    Attributes:
        samples: Number of stacks; a process with several running threads gives several at a time.
        rate_per_s: Times per second for which each process was sampled.
        duration_s: Time from the first sample to the last.
        processes: Processes of which there are samples.
        errors: Samples that failed, such as those taken while a stack changed.
        profiler_cpu_s: CPU seconds that the profiler used itself; None if that is not known.
        functions: Functions with the largest share of their own, in this order.
        stacks: Stacks with their number of samples, such as ``main (a.py:1);add (b.py:7) 12``, outermost
            function first. Functions that were seen rarely are ``(rare)``.
        unread: Programs among the server's processes that are not Python, and so have no samples.
        problem: Reason for which there are no samples; empty if there are.
    """

    samples: int = 0
    rate_per_s: int = 0
    duration_s: float = 0.0
    processes: int = 0
    errors: int = 0
    profiler_cpu_s: float | None = None
    functions: tuple[ProfiledFunction, ...] = ()
    stacks: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    problem: str = ""
