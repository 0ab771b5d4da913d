"""Circumstances of a run: machine, versions, commit and settings."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from perf_core.adapter import Launch, Wire
from perf_core.load.plan import Plan
from perf_core.results.git import run_git
from perf_core.server.client.handshake import Handshake
from perf_core.server.credentials.masking import masked_command, masked_url
from perf_core.server.subject import Subject


def make_manifest(
    subject: Subject,
    plan: Plan,
    handshake: Handshake | None,
    k6_version: str,
    ready_s: float | None,
    *,
    launch: Launch | None = None,
    transport: str = "",
    not_offered: Sequence[Wire] = (),
) -> dict[str, Any]:
    """Return everything that must be equal, or known, for two runs to be compared.

    Args:
        handshake: None if the server answered none.
        ready_s: Time from the server's start to its first handshake; None if it was already running.
        launch: Launch that was used instead of the adapter's own.
        transport: How the server was reached: ``http``, ``stdio``, ``stdio-shared`` or ``http+sse``; empty if
            it was not.
        not_offered: Wires that were asked for and that the server does not offer.
    """
    return {
        "machine": machine(),
        "versions": {
            "perf_core": _version("mcp-perf-core"),
            "python": platform.python_version(),
            "k6": k6_version,
            "adapter": subject.package,
        },
        "server": {
            "name": handshake.server_name if handshake else "",
            "version": handshake.server_version if handshake else "",
            "tools": list(handshake.tools) if handshake else [],
            "handshake_ms": round(handshake.duration_s * 1000, 3) if handshake else None,
            "ready_s": None if ready_s is None else round(ready_s, 3),
            "started_by_lab": subject.url is None,
            "command": None if subject.url else masked_command((launch or subject.adapter.launch).argv),
            "url": masked_url(handshake.url) if handshake and subject.url else None,
        },
        "protocol": {
            "wire": plan.wire,
            "revision": handshake.revision if handshake else "",
            "transport": transport,
            "not_offered": list(not_offered),
        },
        "plan": {
            "scenario": plan.scenario,
            "shape": plan.shape,
            "wire": plan.wire,
            "settings": asdict(plan.settings),
            "journeys": {name: len(pool) for name, pool in plan.pools.items()},
        },
        "commit": commit(Path.cwd()),
        "command": ["perf-core", *masked_command(sys.argv[1:])],
    }


def machine() -> dict[str, Any]:
    """Return the description of this machine, without which a figure means nothing."""
    return {
        "cpu": _cpu_model(),
        "cpus": usable_cpus(),
        "memory_mb": round(psutil.virtual_memory().total / 1e6),
        "system": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "load_before": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def usable_cpus() -> int:
    """Return the number of CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def commit(folder: Path) -> dict[str, Any] | None:
    """Return the git commit of a folder and whether it has changes; None outside a checkout.

    A checkout whose status cannot be read counts as changed.
    """
    head = _git(folder, "rev-parse", "HEAD")
    if head is None:
        return None
    return {"hash": head, "dirty": _git(folder, "status", "--porcelain", "--untracked-files=no") != ""}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = run_git(folder, *arguments, timeout_s=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
