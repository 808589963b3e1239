"""The worker pool: a supervisor with its warm workers and a relay.

The supervisor forks, watches and reaps. It opens no connection to the database or Redis itself,
because its children would share it. A child that overruns its job's time is killed. A child that
dies is replaced, and its successor releases the jobs it held. Children die with the supervisor; if
the supervisor freezes, its relay reports that.
"""

import gc
import mmap
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

from redis import Redis

from delivery.relay import FROZEN_KEY
from delivery.relay import run as run_relay
from delivery.worker import Worker
from runtime.libc import die_with_parent, use_up_holes
from runtime.log import LogThrottle, get_log
from runtime.redis.connection import connect_redis

KILL_GRACE = 3.0  # seconds past a job's timeout before its process is killed
DRAIN = 25.0  # seconds that running jobs have to finish after a SIGTERM
MAX_RESPAWN_DELAY = 10.0
FROZEN = 30.0  # seconds without a look after which the supervisor counts as frozen
HEALTHY = 5.0  # seconds; a child that lived longer is replaced without delay

log = get_log("pool")


@dataclass(slots=True)
class Slot:
    """A place for one child: a worker of `queue`, or the relay (no queue)."""

    index: int
    queue: str | None
    pid: int = 0
    name: str = ""
    born: float = 0.0
    deaths: int = 0
    start_at: float = 0.0


class Pool:
    """Runs `counts[queue]` workers per queue and one relay until SIGTERM, and calls `tend` in each
    round of its loop.
    """

    def __init__(
        self,
        counts: dict[str, int],
        redis_url: str | None,
        tend: Callable[[], None],
    ) -> None:
        queues = [queue for queue, count in counts.items() for _ in range(count)]
        self._slots = [
            Slot(0, None),
            *(Slot(index, queue) for index, queue in enumerate(queues, 1)),
        ]
        # two containers may share a hostname, and have the same pids
        self._name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        # Shared memory, because a child that hangs could not answer a question. Anonymous, so that
        # it needs no writable directory.
        shared = memoryview(mmap.mmap(-1, 8 * (len(self._slots) + 1))).cast("d")
        self._looked_at, self._deadlines = shared[:1], shared[1:]
        self._redis_url = redis_url
        self._tend = tend
        self._stop_signals = 0
        self._throttle = LogThrottle()

    def run(self) -> None:
        """Supervise until SIGTERM or SIGINT; a second signal kills the children without waiting."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        log.info("pool", slots=[slot.queue or "relay" for slot in self._slots])
        # Frozen objects are not traversed by the garbage collector, which would otherwise make each
        # child copy its shared pages.
        gc.collect()
        gc.freeze()
        use_up_holes()
        while not self._stop_signals:
            self._looked_at[0] = time.monotonic()
            self._tend()
            self._spawn_missing()
            self._reap()
            self._kill_overdue()
            time.sleep(0.05)
        self._drain()

    def _on_signal(self, _signum: int, _frame: FrameType | None) -> None:
        self._stop_signals += 1

    def _spawn_missing(self) -> None:
        for slot in self._slots:
            if not slot.pid and time.monotonic() >= slot.start_at:
                self._spawn(slot)

    def _spawn(self, slot: Slot) -> None:
        predecessor = slot.name
        parent = os.getpid()
        slot.name = f"{self._name}-{slot.queue or 'relay'}-{slot.index}-{slot.deaths}"
        self._deadlines[slot.index] = 0.0
        # Block SIGTERM until the child has its own handler; the inherited one would only count the
        # signal in the child's copy of the supervisor.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        pid = os.fork()
        if pid:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
            slot.pid = pid
            slot.born = time.monotonic()
            return
        status = 1
        try:
            die_with_parent(parent)
            self._child(slot, predecessor)
            status = 0
        except BaseException:
            log.exception("child failed", slot=slot.name)
        finally:  # whatever happens, the child must not go on as a second supervisor
            os._exit(status)

    def _child(self, slot: Slot, predecessor: str) -> None:
        redis = connect_redis(self._redis_url)

        def deadline(at: float) -> None:
            self._deadlines[slot.index] = at

        if slot.queue is None:
            stopping = threading.Event()
            signal.signal(signal.SIGTERM, lambda *_: stopping.set())
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
            run_relay(redis, stopping.is_set, deadline, lambda: self.watch(redis))
            return
        Worker(slot.queue, redis, slot.name, deadline).run(predecessor)

    def watch(self, redis: Redis) -> None:
        """In the relay: report a frozen supervisor, because it no longer replaces dead children."""
        if time.monotonic() - self._looked_at[0] > FROZEN:
            if self._throttle.is_due("frozen"):
                log.error("the supervisor is frozen: restart worker.py", pool=self._name)
            redis.set(FROZEN_KEY, self._name, ex=60)

    def _reap(self) -> None:
        for slot in self._slots:
            if slot.pid and os.waitpid(slot.pid, os.WNOHANG)[0]:
                lived = time.monotonic() - slot.born
                slot.deaths += 1
                delay = (
                    0.0
                    if lived > HEALTHY
                    else min(MAX_RESPAWN_DELAY, 0.2 * 2 ** min(slot.deaths, 6))
                )
                log.warning(
                    "child died, replacing it",
                    slot=slot.name,
                    pid=slot.pid,
                    lived_seconds=round(lived, 1),
                    delay_seconds=delay,
                )
                slot.pid = 0
                slot.start_at = time.monotonic() + delay

    def _kill_overdue(self) -> None:
        for slot in self._slots:
            deadline = self._deadlines[slot.index]
            if slot.pid and deadline and time.monotonic() > deadline + KILL_GRACE:
                log.error(
                    "a worker overran its time and ignored it: killing it",
                    slot=slot.name,
                    pid=slot.pid,
                )
                self._deadlines[slot.index] = 0.0
                os.kill(slot.pid, signal.SIGKILL)

    def _drain(self) -> None:
        alive = [slot for slot in self._slots if slot.pid]
        log.info("draining", children=len(alive))
        for slot in alive:
            os.kill(slot.pid, signal.SIGTERM)
        until = time.monotonic() + DRAIN
        while alive and time.monotonic() < until and self._stop_signals < 2:  # noqa: PLR2004
            alive = [slot for slot in alive if not os.waitpid(slot.pid, os.WNOHANG)[0]]
            time.sleep(0.02)
        for slot in alive:
            os.kill(slot.pid, signal.SIGKILL)
            os.waitpid(slot.pid, 0)
