"""The probe of streams for a question: whether there is one, and at which pace."""

from __future__ import annotations

import contextlib

from perf_core.interruption import Interruption
from perf_core.load.probe.pace import Pace
from perf_core.load.probe.rounds import ProbedServer
from perf_core.load.probe.stream_probe import StreamProbe
from perf_core.runs.questions import Question
from perf_core.server.live import LiveServer
from perf_core.shapes.registry import shape_named

Probing = contextlib.AbstractContextManager[StreamProbe | None]
"""Context of a load, with a probe beside it or without one."""


def stream_probe(question: Question, live: LiveServer, interruption: Interruption) -> Probing:
    """Return the probe beside the load of a question, which is None where one would disturb.

    That is in shapes that count what the server does, and for a server that starts a process for each
    session: the probe's would be measured with the others.
    """
    plan, preview = question.plan, question.preview
    if live.transport == "stdio" or not shape_named(plan.shape).probes_streams:
        return contextlib.nullcontext()
    timeout_s = plan.settings.request_timeout_s
    server = ProbedServer(live.url, live.handshake.wire, live.access, plan.pools, timeout_s)
    pace = Pace(
        preview.load_s,
        users=preview.fewest_users,
        rate_per_s=preview.lowest_rate_per_s,
        think_time_s=plan.longest_think_time_s,
    )
    return StreamProbe(server, pace, interruption)
