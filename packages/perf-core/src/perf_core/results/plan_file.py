"""``plan.json`` in the folder of a run: the plan as k6 reads it."""

from __future__ import annotations

import json
from pathlib import Path

from perf_core.errors import UsageError
from perf_core.load.plan import PLAN_NAME, Plan
from perf_core.load.plan_document import to_document
from perf_core.results.files import write_atomically


def write_plan(plan: Plan, folder: Path) -> Path:
    """Write ``plan.json`` into ``folder``, whose name is the run's id, and return its path.

    Raises:
        ResultsError: The folder cannot be written.
        UsageError: A value of the plan is not JSON (NaN, for example).
    """
    path = folder / PLAN_NAME
    write_atomically(path, encoded(plan, folder.name))
    return path


def encoded(plan: Plan, run_id: str) -> bytes:
    """Return the content of ``plan.json``.

    Raises:
        UsageError: A value of the plan is not JSON (NaN, for example).
    """
    try:
        return json.dumps(to_document(plan, run_id), ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"expected JSON values as arguments and answers of the adapter's journeys, got: {error}",
            "Correct the adapter.",
        ) from error
