"""The worker that accepts connections of each socket: its own, and another one if that has died.

The kernel spreads new connections over the listening sockets of all workers, also while one of them has no
process. A connection that waits there for the replacement waits for seconds, or half a minute if the
replacement does not start; and to close the socket would break what the kernel has already accepted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from server_core.workers.worker import AcceptFor


class AcceptingWorkers:
    """Decides which worker accepts from each listening socket.

    Args:
        count: Number of workers with a listening socket each; 0 if all share one.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._acceptors = {number: number for number in range(count)}

    def orders(self, ready: Sequence[int]) -> Iterator[tuple[int, AcceptFor]]:
        """Yield each worker that has to begin or to end something, and its order, since the last time.

        Args:
            ready: Workers that are ready. Without any, the sockets wait for the first one.
        """
        for number in range(self._count):
            before = self._acceptors[number]
            now = self._acceptor(number, before, ready)
            if now == before:
                continue
            self._acceptors[number] = now
            if now != number:
                yield now, AcceptFor(number, begins=True)
            if before != number and before in ready:
                yield before, AcceptFor(number, begins=False)

    @staticmethod
    def _acceptor(number: int, before: int, ready: Sequence[int]) -> int:
        if number in ready or not ready:
            return number
        return before if before in ready else ready[number % len(ready)]
