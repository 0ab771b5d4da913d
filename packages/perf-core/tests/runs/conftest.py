"""Targets that are measured for real: the adder of `tests/servers`, with and without faults."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ADDER = Path(__file__).parents[1] / "servers" / "adder.py"

WaitUntil = Callable[[Callable[[], bool], "subprocess.Popen[bytes]"], None]


@pytest.fixture
def target(tmp_path: Path) -> Callable[..., str]:
    """Return a function that writes a TOML file for the adder with a fault and returns its path."""

    def write(fault: str = "", *, command: bool = True, **fields: object) -> str:
        argv = [sys.executable, str(ADDER), "--ready-file", "{ready_file}", "--fault", fault]
        fields = {"name": f"adder{fault}", **({"command": argv} if command else {}), **fields}
        calls = [
            f'[[calls]]\ntool = "add"\narguments = {{ a = {a}, b = {a * a} }}\n'
            f"expect = {{ result = {{ result = {a + a * a} }} }}"
            for a in range(1, 40)
        ]
        path = tmp_path / f"adder{fault}.toml"
        path.write_text("\n".join([*(f"{n} = {json.dumps(v)}" for n, v in fields.items()), *calls, ""]))
        return str(path)

    return write


@pytest.fixture(scope="session")
def wait_until() -> WaitUntil:
    """Return a function that waits until a condition holds, while a process runs, for at most a minute."""

    def wait(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.02)
                raise AssertionError(f"the process ended with {process.returncode}: {process.communicate()}")

    return wait


@pytest.fixture
def running_adder(tmp_path: Path, wait_until: WaitUntil) -> Iterator[str]:
    """Yield the URL of an adder that is running already, and check that it still runs afterwards."""
    ready = tmp_path / "ready.json"
    with subprocess.Popen([sys.executable, ADDER, "--ready-file", ready]) as server:
        try:
            wait_until(ready.exists, server)
            yield json.loads(ready.read_text())["url"]
            assert server.poll() is None, "the lab must not end a server that it did not start"
        finally:
            server.kill()
