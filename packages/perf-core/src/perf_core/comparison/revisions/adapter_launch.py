"""Launch options of an adapter at a built revision."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import perf_core
from perf_core.adapter import ENTRY_POINT_GROUP, Launch
from perf_core.comparison.revisions.worktrees import BuiltRevision
from perf_core.errors import TargetError, UsageError

_TAIL_LINES = 15
_ADAPTER_TIMEOUT_S = 60.0

# Runs in the revision's own interpreter, where perf_core may be older than this module, or absent.
_DESCRIBE = """
import contextlib, json, os, sys
from importlib.metadata import entry_points
from importlib.util import find_spec

name, group, lab = sys.argv[1:]
# Listed before the lab's own folder is added, since that folder may contain other adapters.
entries = {e.name: e for e in entry_points(group=group)}

def reply(**fields):
    print(json.dumps(fields), flush=True)
    # Skips exit handlers and threads of the adapter, which could print or wait.
    os._exit(0)

if name not in entries:
    reply(adapters=sorted(entries))
if find_spec("perf_core") is None:
    sys.path.append(lab)
entry = entries[name]
try:
    with contextlib.redirect_stdout(sys.stderr):
        adapter = entry.load()
        launch = adapter.launch
        fields = ("url", "ready_timeout_s", "stop_timeout_s")
        options = {field: getattr(launch, field) for field in fields if hasattr(launch, field)}
        options["argv"] = [os.fspath(part) for part in launch.argv]
        options["env"] = dict(getattr(launch, "env", {}))
        options["cwd"] = None if getattr(launch, "cwd", None) is None else os.fspath(launch.cwd)
        answer = {"launch": options, "server_name": getattr(adapter, "server_name", None)}
        answer["package"] = entry.dist.name + " " + entry.dist.version if entry.dist else ""
        json.dumps(answer)
except BaseException as error:
    reply(error=repr(error), package=entry.dist.name if entry.dist else entry.value)
reply(**answer)
"""


def launch_at(built: BuiltRevision, name: str) -> tuple[Launch, str | None, str]:
    """Return the launch of an adapter's server at a revision, as the revision's own interpreter reports it.

    A relative working folder, or none, means the revision's worktree: started in the user's checkout, the
    server could import the working tree's code.

    Returns:
        The launch, the expected ``serverInfo.name`` (None accepts any), and the distribution of the adapter
        with its version, such as ``calculator-server 0.1.0``.

    Raises:
        UsageError: The revision has no adapter of that name; lists those that it has.
        TargetError: The adapter does not load there.
    """
    answer = _describe(built, name)
    if "adapters" in answer:
        adapters = ", ".join(answer["adapters"]) or "none"
        raise UsageError(
            f"revision {built.commit[:12]} has no adapter {name!r}",
            f"It has: {adapters}. Adapters are entry points of the group {ENTRY_POINT_GROUP}.",
        )
    if "error" in answer:
        raise TargetError(
            f"the adapter of {name}@{built.commit[:12]} does not load: {answer['error']}",
            f"Its package {answer['package']} is installed in {built.python.parent.parent}; "
            "fix it in a later commit, or choose another revision.",
        )
    return _launch(built, answer["launch"]), answer["server_name"], answer["package"]


def _describe(built: BuiltRevision, name: str) -> dict[str, Any]:
    lab = str(Path(perf_core.__file__).parent.parent)
    argv = [str(built.python), "-I", "-c", _DESCRIBE, name, ENTRY_POINT_GROUP, lab]
    try:
        done = subprocess.run(
            argv,
            cwd=built.tree,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_ADAPTER_TIMEOUT_S,
            check=False,
        )
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TargetError(
            f"cannot load the adapter {name!r} with {built.python}: {error}",
            f"Delete {built.python.parents[2]} to build the revision again.",
        ) from error
    except (ValueError, LookupError) as error:
        tail = "\n".join(done.stderr.splitlines()[-_TAIL_LINES:])
        raise TargetError(
            f"{built.python} ended with {done.returncode} while loading the adapter {name!r}:\n{tail}",
            "Fix the adapter in a later commit, or choose another revision.",
        ) from error
    return answer


def _launch(built: BuiltRevision, options: dict[str, Any]) -> Launch:
    commands = built.python.parent
    # The lab's own PYTHONPATH and PATH lead to the working tree's code.
    path = os.pathsep.join([str(commands), os.environ.get("PATH", os.defpath)])
    first, *rest = options.pop("argv")
    return Launch(
        argv=(shutil.which(first, path=str(commands)) or first, *rest),
        env={"PATH": path, "PYTHONPATH": "", **options.pop("env")},
        cwd=built.tree / (options.pop("cwd") or ""),
        **options,
    )
