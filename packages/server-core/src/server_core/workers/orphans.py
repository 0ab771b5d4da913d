"""The end of workers whose supervisor was killed, which could neither end them nor remove their folder."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import shutil
import socket
import threading
import time
from pathlib import Path

from server_core.layers.forwarding import WorkerPlace

_logger = logging.getLogger(__name__)

_CONNECT_S = 1.0


def end_when_orphaned(place: WorkerPlace, grace_s: float) -> None:
    """Let this worker process end some time after its supervisor, whatever it is doing then.

    A worker whose event loop runs notices the end of its supervisor and drains. One that a tool holds up does
    not: a thread ends the process for it.

    Args:
        place: The worker's place.
        grace_s: Time for a drain.
    """
    supervisor = multiprocessing.parent_process()
    if supervisor is None:
        return  # a worker that runs in the process of a test

    def end() -> None:
        supervisor.join()
        time.sleep(grace_s)
        _logger.error("worker %d did not end within %g s after its supervisor", place.number, grace_s)
        remove_folder(place)
        os._exit(1)

    threading.Thread(target=end, name="end when orphaned", daemon=True).start()


def remove_folder(place: WorkerPlace) -> None:
    """Remove the workers' folder, unless another worker still answers there and will do it."""
    place.socket_path(place.number).unlink(missing_ok=True)
    others = [place.socket_path(number) for number in range(place.count) if number != place.number]
    if not any(map(_answers, others)):
        shutil.rmtree(place.folder, ignore_errors=True)


def _answers(path: Path) -> bool:
    """Return whether a process listens at a Unix socket."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_CONNECT_S)
        connection.connect(str(path))
        return True
    return False
