"""Serve a fleet as one target: two servers that share their scores in Redis, behind nginx.

    python benchmarks/fleet/fleet.py --ready-file FILE

Starts redis-server, two music21-servers and nginx with the example configuration of mcp-server-core, all on
this machine, writes `{"url": …}` to the ready file, and serves until SIGTERM or SIGINT. If one of these
processes ends, so do the others, and the exit code is 1. No process outlives it, and no file is left on disk.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import cyclopts
from cyclopts import Parameter

EXAMPLE: Final = Path(__file__).parents[2] / "packages" / "server-core" / "examples" / "nginx.conf"
MACHINES: Final[Mapping[str, str]] = {"north": "10.0.0.1:8100", "south": "10.0.0.2:8100"}
"""Names and addresses of the servers in the example configuration."""

READY_S: Final = 30.0
DRAIN_S: Final = 12.0
PORT_ATTEMPTS: Final = 5
"""Attempts to find a port that is still free when nginx binds it."""

app = cyclopts.App(name="fleet.py", help="Serve a fleet until a signal arrives.")


class FleetError(Exception):
    """The fleet cannot be served; the message says why."""


class Fleet:
    """Processes by name, in the order of their start."""

    def __init__(self) -> None:
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.is_ending = False

    def start(self, name: str, *command: str) -> None:
        """Start a process, with its output on stderr."""
        # In a separate process group, so that Ctrl-C reaches only this process, which ends the others.
        self._processes[name] = subprocess.Popen(command, stdout=sys.stderr, process_group=0)

    def wait_until(self, condition: Callable[[], bool], description: str) -> None:
        """Wait until a condition holds.

        Raises:
            FleetError: A process ended, a signal arrived, or `READY_S` passed.
        """
        deadline_s = time.monotonic() + READY_S
        while not condition():
            self.check()
            if self.is_ending:
                raise FleetError(f"expected that {description}, got a signal")
            if time.monotonic() > deadline_s:
                raise FleetError(f"expected that {description} within {READY_S:g} s, which did not happen")
            time.sleep(0.02)

    def check(self) -> None:
        """Raise FleetError if a process has ended."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                raise FleetError(f"{name} ended with exit code {process.returncode}")

    def wait_for_end(self, name: str) -> None:
        """Wait for a process that ends by itself, and remove it from the fleet."""
        self._processes.pop(name).wait(READY_S)

    def end(self) -> None:
        """End all processes, one after the other, in reverse order of their start."""
        for process in reversed(self._processes.values()):
            process.terminate()
            try:
                process.wait(DRAIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@app.default
def serve(
    *, ready_file: Annotated[Path, Parameter(help="Receives the URL as JSON once the fleet answers.")]
) -> int:
    """Serve until a signal arrives."""
    fleet = Fleet()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: setattr(fleet, "is_ending", True))
    try:
        # A short path, because paths of Unix sockets are limited to about 100 characters.
        with tempfile.TemporaryDirectory(prefix="fleet-") as folder, ended(fleet):
            url = start(fleet, Path(folder))
            ready_file.with_suffix(".new").write_text(json.dumps({"url": url, "pid": os.getpid()}))
            ready_file.with_suffix(".new").replace(ready_file)
            while not fleet.is_ending:
                fleet.check()
                time.sleep(0.1)
    except FleetError as error:
        sys.stderr.write(f"fleet.py: {error}\n")
        return 1
    finally:
        ready_file.unlink(missing_ok=True)
    return 0


@contextlib.contextmanager
def ended(fleet: Fleet) -> Iterator[None]:
    """End all processes after the block."""
    try:
        yield
    finally:
        fleet.end()


def start(fleet: Fleet, folder: Path) -> str:
    """Start all processes; return the URL for clients."""
    for program in ("redis-server", "nginx"):
        if program_path(program) is None:
            raise FleetError(f"expected {program} on PATH, got none: apt-get install redis-server nginx")
    redis_socket = folder / "redis.sock"
    quiet = ("--save", "", "--appendonly", "no", "--loglevel", "warning", "--dir", str(folder))
    fleet.start("redis-server", "redis-server", "--port", "0", "--unixsocket", str(redis_socket), *quiet)
    fleet.wait_until(redis_socket.exists, "Redis listens")
    for name in MACHINES:
        options = ("--node", name, "--port", "0", "--ready-file", str(folder / f"{name}.json"))
        command = (sys.executable, "-m", "music21_server", *options, "--store-url", f"unix://{redis_socket}")
        fleet.start(name, *command)
    addresses = {}
    for name in MACHINES:
        ready_file = folder / f"{name}.json"
        fleet.wait_until(ready_file.exists, f"{name} is ready")
        addresses[name] = urlsplit(json.loads(ready_file.read_text())["url"]).netloc
    return f"http://127.0.0.1:{start_nginx(fleet, folder, addresses)}/mcp"


def start_nginx(fleet: Fleet, folder: Path, addresses: Mapping[str, str]) -> int:
    """Start nginx in front of the servers; return its port."""
    for _ in range(PORT_ATTEMPTS):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port: int = free.getsockname()[1]
        config = folder / "nginx.conf"
        config.write_text(nginx_config(folder, addresses, port), encoding="utf-8")
        log = folder / "nginx.log"
        fleet.start("nginx", str(program_path("nginx")), "-c", str(config), "-e", str(log))
        try:
            fleet.wait_until(lambda port=port: accepts_connections(port), "nginx listens")
        except FleetError:
            output = log.read_text() if log.exists() else ""
            if "Address already in use" not in output:
                raise FleetError(f"expected nginx to start, got: {output.strip()}") from None
            fleet.wait_for_end("nginx")
            continue
        return port
    raise FleetError(f"expected a free port for nginx, got none in {PORT_ATTEMPTS} attempts")


def nginx_config(folder: Path, addresses: Mapping[str, str], port: int) -> str:
    """Return the example configuration, adapted to servers and a port on this machine."""
    text = EXAMPLE.read_text(encoding="utf-8")
    replacements = {MACHINES[name]: address for name, address in addresses.items()}
    replacements["listen 8080"] = f"listen 127.0.0.1:{port}"
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"    {kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    replacements["http {\n"] = f"http {{\n    access_log off;\n{paths}"
    for old, new in replacements.items():
        if old not in text:
            raise FleetError(f"expected {old!r} in {EXAMPLE}, got a file without it")
        text = text.replace(old, new)
    user = "user root;\n" if os.geteuid() == 0 else ""  # nginx's default user cannot enter the folder
    return f"daemon off;\n{user}pid {folder}/nginx.pid;\n{text}"


def accepts_connections(port: int) -> bool:
    """Return whether a process accepts connections on a port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def program_path(program: str) -> str | None:
    """Return the path of a program; Debian installs nginx in /usr/sbin, which is not on every user's PATH."""
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin")


if __name__ == "__main__":
    sys.exit(app())
