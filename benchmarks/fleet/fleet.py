"""Two servers that share their scores in Redis, behind nginx: as one target.

    python benchmarks/fleet/fleet.py --ready-file FILE

Starts redis-server, two music21-servers and nginx with the example configuration of mcp-server-core, all on
this machine, writes `{"url": …}` to the ready file, and serves until SIGTERM or SIGINT. If one of them ends,
the others are ended too, and the exit code is 1. Nothing outlives it, and nothing is left on disk.
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
"""What the example calls them, and where it thinks they are."""

READY_S: Final = 30.0
DRAIN_S: Final = 12.0
TRIES: Final = 5
"""For a port that was free a moment ago."""

app = cyclopts.App(name="fleet.py", help="Serves one fleet until a signal comes.")


class FleetError(Exception):
    """The fleet cannot be served; the message says why."""


class Fleet:
    """The processes, by name, in the order in which they were started."""

    def __init__(self) -> None:
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.is_ending = False

    def start(self, name: str, *command: str) -> None:
        """Start a process; what it says goes where this one's words go."""
        # In a group of its own: Control-C reaches this process alone, which ends the others in order.
        self._processes[name] = subprocess.Popen(command, stdout=sys.stderr, process_group=0)

    def wait_until(self, is_so: Callable[[], bool], what: str) -> None:
        """Wait until something is so, while all processes live and nobody wants an end."""
        deadline_s = time.monotonic() + READY_S
        while not is_so():
            self.look()
            if self.is_ending:
                raise FleetError(f"a signal came before {what}")
            if time.monotonic() > deadline_s:
                raise FleetError(f"waited {READY_S:g} s in vain until {what}")
            time.sleep(0.02)

    def look(self) -> None:
        """Raise if one has ended."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                raise FleetError(f"{name} ended with exit code {process.returncode}")

    def forget(self, name: str) -> None:
        """Wait for one that ends by itself."""
        self._processes.pop(name).wait(READY_S)

    def end(self) -> None:
        """End all, the last one first, each when the one before has ended."""
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
    """Serve until a signal comes."""
    fleet = Fleet()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: setattr(fleet, "is_ending", True))
    try:
        # A short path: names of sockets have a limit of some hundred letters.
        with tempfile.TemporaryDirectory(prefix="fleet-") as folder, ended(fleet):
            url = start(fleet, Path(folder))
            ready_file.with_suffix(".new").write_text(json.dumps({"url": url, "pid": os.getpid()}))
            ready_file.with_suffix(".new").replace(ready_file)
            while not fleet.is_ending:
                fleet.look()
                time.sleep(0.1)
    except FleetError as error:
        sys.stderr.write(f"fleet.py: {error}\n")
        return 1
    finally:
        ready_file.unlink(missing_ok=True)
    return 0


@contextlib.contextmanager
def ended(fleet: Fleet) -> Iterator[None]:
    """End all processes after a block."""
    try:
        yield
    finally:
        fleet.end()


def start(fleet: Fleet, folder: Path) -> str:
    """Start all; return the URL that clients use."""
    for program in ("redis-server", "nginx"):
        if found(program) is None:
            raise FleetError(f"{program} is not installed: apt-get install redis-server nginx")
    redis_socket = folder / "redis.sock"
    quiet = ("--save", "", "--appendonly", "no", "--loglevel", "warning", "--dir", str(folder))
    fleet.start("redis-server", "redis-server", "--port", "0", "--unixsocket", str(redis_socket), *quiet)
    fleet.wait_until(redis_socket.exists, "Redis listens")
    for name in MACHINES:
        own = ("--node", name, "--port", "0", "--ready-file", str(folder / f"{name}.json"))
        command = (sys.executable, "-m", "music21_server", *own, "--store-url", f"unix://{redis_socket}")
        fleet.start(name, *command)
    addresses = {}
    for name in MACHINES:
        told = folder / f"{name}.json"
        fleet.wait_until(told.exists, f"{name} is ready")
        addresses[name] = urlsplit(json.loads(told.read_text())["url"]).netloc
    return f"http://127.0.0.1:{start_nginx(fleet, folder, addresses)}/mcp"


def start_nginx(fleet: Fleet, folder: Path, addresses: Mapping[str, str]) -> int:
    """Start nginx in front of the servers; return its port."""
    for _ in range(TRIES):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port: int = free.getsockname()[1]
        config = folder / "nginx.conf"
        config.write_text(nginx_config(folder, addresses, port), encoding="utf-8")
        log = folder / "nginx.log"
        fleet.start("nginx", str(found("nginx")), "-c", str(config), "-e", str(log))
        try:
            fleet.wait_until(lambda port=port: answers(port), "nginx listens")
        except FleetError:
            said = log.read_text() if log.exists() else ""
            if "Address already in use" not in said:
                raise FleetError(f"nginx does not start: {said.strip()}") from None
            fleet.forget("nginx")
            continue
        return port
    raise FleetError(f"no port was free in {TRIES} tries")


def nginx_config(folder: Path, addresses: Mapping[str, str], port: int) -> str:
    """Return the example's configuration for servers and a port on this machine."""
    text = EXAMPLE.read_text(encoding="utf-8")
    changes = {MACHINES[name]: address for name, address in addresses.items()}
    changes["listen 8080"] = f"listen 127.0.0.1:{port}"
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"    {kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    changes["http {\n"] = f"http {{\n    access_log off;\n{paths}"
    for said, here in changes.items():
        if said not in text:
            raise FleetError(f"{EXAMPLE} has no {said!r} any more")
        text = text.replace(said, here)
    user = "user root;\n" if os.geteuid() == 0 else ""  # others cannot enter the folder
    return f"daemon off;\n{user}pid {folder}/nginx.pid;\n{text}"


def answers(port: int) -> bool:
    """Return whether somebody accepts connections at a port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def found(program: str) -> str | None:
    """Return where a program is; Debian has nginx where ordinary users do not look."""
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin")


if __name__ == "__main__":
    sys.exit(app())
