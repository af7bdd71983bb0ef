"""One queue for the whole process: single-threaded workers, one a usable core, shared by all calls of all models.

A call hands in its units and waits. Workers take the next unit from the call with the least work left, so a short request does
not stand behind a long one; every fourth they take from the call that came first, so the long one is not starved.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from localrank.contract.cancellation import POLL_INTERVAL_S
from localrank.contract.errors import InferenceError
from localrank.contract.texts import first_line
from localrank.providers.beside import start
from localrank.providers.cores import usable_cores
from localrank.providers.forking import RenewedLock, hold_off_forks, renew_after_fork, threads_are_greenlets
from localrank_transformers.call.planner import Unit

__all__ = ["Scheduler", "shared_scheduler"]

OLDEST_EVERY = 4
"""One unit in so many is of the oldest call: it never has less than that share, and a short one waits for no more than that."""

_END_S = 0.3
"""How long the end of the process waits for the workers: a running unit stops at its next node."""


class _Batch:
    """The units of one call that are to be run, and what became of them."""

    def __init__(
        self,
        units: Sequence[Unit],
        execute: Callable[[Unit], None],
        on_stop: Callable[[], None],
        at_once: int,
    ) -> None:
        self.pending = deque(units)
        self.execute = execute
        self.on_stop = on_stop
        self.at_once = at_once
        self.tokens_left = sum(unit.tokens for unit in units)
        self.taken: dict[threading.Thread, Unit] = {}
        self.error: BaseException | None = None
        self.ended = threading.Event()

    @property
    def ready(self) -> bool:
        return bool(self.pending) and len(self.taken) < self.at_once


class Scheduler:
    """The queue and its workers. Threads exist only while somebody holds a lease.

    Args:
        workers: Threads; each runs one unit at a time.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._models = 0
        self._begin()
        renew_after_fork(self, Scheduler._begin)

    def _begin(self) -> None:
        """Begin without calls and workers; in a child too, where those of the parent are gone and the models are not."""
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)
        self._batches: list[_Batch] = []  # the oldest first
        self._choices = 0
        self._threads: set[threading.Thread] = set()
        self._leases = self._models

    @property
    def is_idle(self) -> bool:
        """Whether no call has units here."""
        with self._lock:
            return not self._batches

    @contextmanager
    def lease(self) -> Iterator[None]:
        """Keep the workers alive; when the last lease ends they are gone."""
        with self._lock:
            self._leases += 1
        try:
            yield
        finally:
            self._end_lease()

    def hold(self) -> None:
        """Take a lease for a loaded model, which `release` ends."""
        with self._lock:
            self._models += 1
            self._leases += 1

    def release(self) -> None:
        """End a model's lease; the last one waits for the workers to be gone, or for somebody to take a lease meanwhile."""
        with self._lock:
            self._models = max(0, self._models - 1)
        self._end_lease()

    def _end_lease(self) -> None:
        with self._lock:
            self._leases = max(0, self._leases - 1)  # `end`, or a fork, may have ended it before
            threads = list(self._threads) if self._leases == 0 else []
            self._wake.notify_all()
        for thread in threads:
            # workers that have not seen the end of the lease before the next one go on
            while thread is not threading.current_thread() and thread.is_alive() and self._leases == 0:
                thread.join(POLL_INTERVAL_S)

    def end(self, seconds: float) -> None:
        """Stop every call and wait up to `seconds` for the workers to be gone; for the end of the process."""
        with self._lock:
            self._leases = 0
            batches, threads = list(self._batches), list(self._threads)
            for batch in batches:
                batch.pending.clear()
            self._wake.notify_all()
        for batch in batches:
            batch.on_stop()
        last = time.monotonic() + seconds
        for thread in threads:
            thread.join(max(0.0, last - time.monotonic()))

    def run(
        self,
        units: Sequence[Unit],
        execute: Callable[[Unit], None],
        *,
        should_stop: Callable[[], bool],
        on_stop: Callable[[], None],
        at_once: int | None = None,
    ) -> bool:
        """Run every unit and return True; or stop early and return False. Blocks the calling thread, which computes nothing.

        Args:
            units: The work, in the order in which it is to be begun.
            execute: Runs one unit, in a worker's thread.
            should_stop: Looked at every 5 ms.
            on_stop: Called once when it says so; it must make running units end soon. What they raise then is ignored.
            at_once: Units that may run at the same time; None means as many as there are workers.

        Raises:
            Exception: What the first failing unit raised; units not yet begun are dropped.
        """
        if not units:
            return True
        batch = _Batch(units, execute, on_stop, at_once or self.workers)
        with self.lease():
            self._submit(batch)
            stopped = self._wait(batch, should_stop)
        if not stopped and batch.error is not None:
            raise batch.error
        return not stopped

    def _submit(self, batch: _Batch) -> None:
        with self._lock:
            self._batches.append(batch)
            wanted = min(self.workers, len(self._threads) + len(batch.pending))
            try:
                while len(self._threads) < wanted:
                    self._start_worker()
            except InferenceError:
                if not self._threads:  # fewer serve too, and the next call tries again
                    self._batches.remove(batch)
                    raise
            self._wake.notify_all()

    def _start_worker(self) -> None:
        thread = threading.Thread(
            target=self._work, name=f"localrank-worker-{len(self._threads)}", daemon=True
        )
        self._threads.add(thread)
        try:
            start(thread)
        except InferenceError:
            self._threads.discard(thread)
            raise

    def _wait(self, batch: _Batch, should_stop: Callable[[], bool]) -> bool:
        stopped = False
        while not batch.ended.wait(POLL_INTERVAL_S):
            if not stopped and should_stop():
                stopped = True
                with self._lock:
                    self._drop(batch)
                batch.on_stop()
            if not threads_are_greenlets():
                self._look_after(batch)
        return stopped

    def _look_after(self, batch: _Batch) -> None:
        """End a call whose unit a worker took with it: an error can be thrown into a thread wherever it stands."""
        with self._lock:
            self._threads -= {thread for thread in self._threads if not thread.is_alive()}
            for thread in batch.taken.keys() - self._threads:
                if not thread.is_alive():
                    self._finish(batch, thread, batch.taken[thread], _ended_outside())
            if not batch.pending and not batch.taken:
                self._drop(batch)
            elif not self._threads:
                self._start_another()

    def _work(self) -> None:
        thread = threading.current_thread()
        try:
            while self._run_one(thread):
                if threads_are_greenlets():
                    time.sleep(0)
        except BaseException:  # outside a unit: no memory, or what a debugger throws into a thread
            self._replace(thread)
            raise

    def _run_one(self, thread: threading.Thread) -> bool:
        """Wait for a unit and run it; False once nobody holds a lease.

        A function of its own, so that a worker that waits for the next one holds neither the call before nor its model.
        """
        taken = self._take(thread)
        if taken is None:
            return False
        batch, unit = taken
        error = _outcome(batch.execute, unit)
        with self._lock:
            self._finish(batch, thread, unit, error)
        return True

    def _take(self, thread: threading.Thread) -> tuple[_Batch, Unit] | None:
        """Wait for a unit; None once nobody holds a lease."""
        with self._lock:
            batch = self._next()
            while batch is None:
                if self._leases == 0:
                    self._threads.discard(thread)
                    return None
                self._wake.wait()
                batch = self._next()
            unit = batch.taken[thread] = batch.pending[0]
            batch.pending.popleft()  # an error may be thrown in behind a call, and what was taken is known by then
            return batch, unit

    def _replace(self, thread: threading.Thread) -> None:
        """Start a worker for one that an error ended, so that no call waits for what is gone."""
        with self._lock:
            self._threads.discard(thread)
            if self._batches:
                self._start_another()

    def _start_another(self) -> None:
        """Start a worker; where there is none and can be none, end all calls."""
        try:
            self._start_worker()
        except InferenceError as error:
            for batch in list(self._batches) if not self._threads else ():
                batch.error = batch.error or error
                self._drop(batch)

    def _next(self) -> _Batch | None:
        ready = [batch for batch in self._batches if batch.ready]
        if len(ready) < 2:
            return ready[0] if ready else None
        self._choices += 1
        if self._choices % OLDEST_EVERY == 0:
            return ready[0]
        return min(ready, key=lambda batch: batch.tokens_left)

    def _finish(
        self, batch: _Batch, thread: threading.Thread, unit: Unit, error: BaseException | None
    ) -> None:
        del batch.taken[thread]
        batch.tokens_left -= unit.tokens
        if error is not None and batch.error is None:
            batch.error = error
            batch.pending.clear()
        if not batch.pending and not batch.taken:
            self._drop(batch)
        elif batch.ready:
            self._wake.notify()

    def _drop(self, batch: _Batch) -> None:
        batch.pending.clear()
        if not batch.taken:
            batch.ended.set()
            if batch in self._batches:
                self._batches.remove(batch)


def _ended_outside() -> InferenceError:
    return InferenceError(
        "A worker was ended by an error that was thrown into its thread.", hint="Call again."
    )


def _outcome(execute: Callable[[Unit], None], unit: Unit) -> BaseException | None:
    try:
        with hold_off_forks():
            execute(unit)
    except MemoryError as error:
        failure = InferenceError(
            f"There is not enough memory for a run: {first_line(error) or 'none is left'}.",
            hint="Set a smaller max_length, or fewer threads; or close other models.",
        )
        failure.__cause__ = error
        return failure
    except BaseException as error:
        return error
    return None


_shared: Scheduler | None = None
_shared_lock = RenewedLock()


def shared_scheduler() -> Scheduler:
    """Return the scheduler of this process, made at the first use."""
    global _shared
    with _shared_lock:
        if _shared is None:
            _shared = Scheduler(usable_cores())
        return _shared


def _end_with_process() -> None:
    # a daemon thread that comes back from the engine while the interpreter is torn down would abort the process
    if _shared is not None:
        _shared.end(_END_S)


atexit.register(_end_with_process)
