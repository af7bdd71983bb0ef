"""A job over a file whose parts are ranked by actors of Ray; read and written here, so the folder is that of `run_batch`."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from localrank._version import __version__
from localrank.batches.files.part import Part
from localrank.batches.job import BatchJob
from localrank.batches.rows import Asked, RankedRows, Rows, rank_rows
from localrank.batches.running import BatchProgress, BatchReport, InTurn, rows_of, run_batch
from localrank.compose.wrapping.wrapper import fingerprint_of
from localrank.contract.errors import ConnectionFailedError, InferenceError, InvalidRequestError, RerankError
from localrank.contract.model import AnyReranker
from localrank.contract.texts import first_line
from localrank.integrations.ray.data import check_sendable
from localrank.integrations.ray.installed import imported_ray
from localrank.providers.arguments import check_count
from localrank.providers.cores import limit_cores
from localrank.providers.registry import resolve

__all__ = ["run_batch_on_ray"]

_PARTS_AN_ACTOR = 2
"""One that is ranked, and one that waits in the actor's machine meanwhile."""

_DEATHS = 3
"""How often an actor is made anew, and a part ranked anew, before the job ends: a part that kills its process does so again."""


def run_batch_on_ray(
    job: BatchJob,
    model: AnyReranker | str,
    *,
    address: str | None = None,
    num_cpus: int = 1,
    actors: int | None = None,
    on_progress: Callable[[BatchProgress], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> BatchReport:
    """Do what `run_batch` does, with the parts ranked by actors of Ray.

    This process reads the input and writes the folder, whose parts, rejects and manifest are, byte for byte, those of
    `run_batch`; either goes on with what the other began. An actor that dies is made anew and its part ranked again.

    Args:
        job: What is to be ranked.
        model: A name, which each actor resolves, or a reranker that can be pickled.
        address: A cluster's, as `ray.init` takes it; None takes the cluster of `RAY_ADDRESS` or of this machine, or starts Ray
            here until the job ends. Where this process is connected already, that connection serves.
        num_cpus: Cores of an actor, which computes on as many threads.
        actors: How many; None takes what the cluster's cores suffice for.
        on_progress: Called after every part.
        should_stop: Asked after every part; True ends the run there.

    Raises:
        MissingDependencyError: Ray or pyarrow is not installed.
        InvalidRequestError: As `run_batch`; a reranker that cannot be sent; `max_cost`; or an actor that computes otherwise
            than this machine, so that scores might differ.
        ConnectionFailedError: There is no cluster at `address`.
        InferenceError: An actor died again and again.
        RerankError: Whatever the model raised; finished parts are kept.
    """
    ray = imported_ray()
    check_sendable(model)
    if job.max_cost is not None:
        raise InvalidRequestError(
            "max_cost is given, and on a cluster parts are sent ahead of what they cost.",
            hint="Leave it out, or run the job on one machine.",
        )
    check_count("num_cpus", num_cpus)
    check_count("actors", actors)
    wanted = _Identity.of(resolve(model))
    with _connected(ray, address):
        count = actors or max(1, int(ray.cluster_resources().get("CPU", 1)) // num_cpus)
        options = {"num_cpus": num_cpus, "max_restarts": _DEATHS, "max_task_retries": _DEATHS}
        worker = ray.remote(**options)(_Worker)

        def ahead(parts: Iterator[Part]) -> InTurn:
            pool = _Pool(ray, [worker.remote(model, job, num_cpus) for _ in range(count)], wanted)
            sent: deque[tuple[Part, Callable[[], RankedRows]]] = deque()
            for part in parts:
                sent.append((part, partial(pool.result, pool.rank(rows_of(part, job)))))
                if len(sent) >= pool.places:
                    yield sent.popleft()
            yield from sent

        return run_batch(job, model, on_progress=on_progress, should_stop=should_stop, ahead=ahead)


@contextmanager
def _connected(ray: Any, address: str | None) -> Iterator[None]:
    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # what is started here reports to nobody
    try:
        ray.init(
            address=address, include_dashboard=False if address is None else None, logging_level="WARNING"
        )
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ConnectionFailedError(
            f"There is no cluster of Ray at {address or 'RAY_ADDRESS'}: {first_line(error)}.",
            hint="Start one with `ray start --head`; one that asks for a token wants RAY_AUTH_MODE=token here.",
        ) from None
    try:
        yield
    finally:
        ray.shutdown()


@dataclass(frozen=True, slots=True)
class _Identity:
    """What a score depends on: two machines of one identity give the same bits."""

    model: str
    version: str

    @classmethod
    def of(cls, model: AnyReranker) -> _Identity:
        return cls(fingerprint_of(model), __version__)


class _Worker:
    """What an actor is: it holds the model, and ranks the rows of one part after another."""

    def __init__(self, model: AnyReranker | str, job: BatchJob, threads: int) -> None:
        limit_cores(threads)
        self._wanted = job.columns.wanted
        self._asked = Asked(resolve(model), job.top_k, job.instruction, job.max_parallel, job.max_retries)

    def rank(self, rows: Rows) -> tuple[RankedRows, _Identity]:
        """Return what is said of the candidates, and what computed it."""
        return rank_rows(self._asked, rows, wanted=self._wanted), _Identity.of(self._asked.model)


class _Pool:
    """Actors, of which each part goes to the one with the fewest."""

    def __init__(self, ray: Any, actors: Sequence[Any], wanted: _Identity) -> None:
        self._ray, self._actors, self._wanted = ray, actors, wanted
        self._running: dict[Any, int] = {}

    @property
    def places(self) -> int:
        """How many parts keep all actors at work."""
        return _PARTS_AN_ACTOR * len(self._actors)

    def rank(self, rows: Rows) -> Any:
        """Begin to rank `rows`, and return what `result` takes."""
        if self._running:
            done, _ = self._ray.wait(
                list(self._running), num_returns=len(self._running), timeout=0, fetch_local=False
            )
            for one in done:
                del self._running[one]
        busy = [0] * len(self._actors)
        for place in self._running.values():
            busy[place] += 1
        place = busy.index(min(busy))
        begun = self._actors[place].rank.remote(rows)
        self._running[begun] = place
        return begun

    def result(self, begun: Any) -> RankedRows:
        """Wait for a part.

        Raises:
            RerankError: See `run_batch_on_ray`.
        """
        errors = self._ray.exceptions
        try:
            found, identity = self._ray.get(begun)
        except errors.RayTaskError as error:
            if isinstance(error.cause, RerankError):
                raise error.cause from None
            raise
        except errors.RayActorError as error:
            raise InferenceError(
                f"An actor of Ray died {_DEATHS + 1} times over one part, or could not be made: {_why(error)}.",
                hint="Where memory ran out, smaller parts (part_documents) or more memory an actor help.",
            ) from None
        if identity != self._wanted:
            raise InvalidRequestError(
                f"An actor computes with {identity}, this machine with {self._wanted}: their scores may differ.",
                hint="Install the same version everywhere, on machines of the same kind.",
            )
        return found


def _why(error: Exception) -> str:
    """Return the first sentence of Ray's last line: more of it is advice about Ray's own machines."""
    lines = str(error.__cause__ or error).strip().splitlines() or [type(error).__name__]
    return lines[-1].partition(". ")[0].strip(".")
