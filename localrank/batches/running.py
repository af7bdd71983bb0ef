"""`run_batch`: an input ranked into a folder of parts; started again it goes on where it stopped, with the same bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from typing import Literal, TypeAlias

from localrank.batches.files.packed import packed, packing_of
from localrank.batches.files.part import Part, Source
from localrank.batches.job import BatchJob
from localrank.batches.manifest import (
    DonePart,
    Manifest,
    Unchanged,
    alone,
    clear,
    digest_of,
    write_whole,
    writing,
)
from localrank.batches.rows import Asked, RankedRows, Reject, Rows, numbered, rank_rows
from localrank.batches.warned import Warned, add_warned
from localrank.contract.errors import InvalidDataError, InvalidRequestError
from localrank.contract.model import AnyReranker
from localrank.providers.registry import resolve
from localrank.providers.services import list_price, services_in
from localrank.providers.trec import file_name

__all__ = ["BatchProgress", "BatchReport", "InTurn", "check_price", "forget", "rows_of", "run_batch"]

InTurn: TypeAlias = Iterator[tuple[Part, Callable[[], RankedRows]]]
"""Parts in their order, each with what ranks it, or waits until it is ranked."""


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """How far a job is.

    Attributes:
        stage: `reading`, where the input is looked through before the first part, or `ranking`.
        rows: Rows of the input that were read, or ranked, by earlier runs too.
        total: Rows of the input; None while they are not counted.
        documents: Candidates ranked in this run.
        tokens: Tokens that the model read in this run, as far as it says.
        dollars: What remote calls cost, as far as the price is known, those of finished parts of earlier runs too.
    """

    stage: Literal["reading", "ranking"]
    rows: int
    total: int | None
    documents: int
    tokens: int
    dollars: float


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What a run came to.

    Attributes:
        complete: Whether the whole input is ranked.
        stopped: Why it is not: `asked`, by `should_stop`, or `max_cost`.
        resumed: Rows that earlier runs had done.
        rows: Rows of the input that are done.
        kept: Rows that the parts hold.
        rejected: Rows that could not be ranked.
        documents: Candidates ranked, by earlier runs too.
        parts: Files written, by earlier runs too.
        dollars: What the parts cost, as far as the price is known.
        warnings: What the model warned of in this run, by type, so that it is not lost among the lists.
    """

    complete: bool
    stopped: Literal["asked", "max_cost"] | None
    resumed: int
    rows: int
    kept: int
    rejected: int
    documents: int
    parts: int
    dollars: float
    warnings: Mapping[str, Warned]


def run_batch(
    job: BatchJob,
    model: AnyReranker | str,
    *,
    on_progress: Callable[[BatchProgress], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
    ahead: Callable[[Iterator[Part]], InTurn] | None = None,
) -> BatchReport:
    """Rank the candidates of an input, and write its rows with rank and score into parts.

    Killed at any moment and called again with the same job it goes on after the last whole part, and what it writes is, byte
    for byte, what an undisturbed run writes, as far as the model gives the same scores again. The input is read through once
    before the first part: rows of one query that stand apart, however far, are refused then.

    Args:
        job: What is to be ranked.
        model: A reranker or a name.
        on_progress: Called after every few lists.
        should_stop: Asked after every part; True ends the run there.
        ahead: Ranks the parts elsewhere, on a cluster say, and ahead of their turn; None ranks each here in its turn.

    Returns:
        What it came to; `complete` is False after a stop.

    Raises:
        InvalidRequestError: A file, column or folder that cannot be used, a job that differs from the folder's, a folder
            that another process is writing to, rows of one query that stand apart, `max_cost` for a model whose price is not
            known, an input that changes meanwhile, or with `strict` a row that cannot be ranked.
        MissingDependencyError: A package is absent that reads the input.
        RerankError: Whatever the model raised; finished parts are kept.
    """
    reranker = resolve(model)
    check_price(job, reranker)
    with closing(job.opened()) as source:
        unchanged = Unchanged(source.files)
        with alone(job.output):
            manifest = Manifest.opened(job.output, job.identity(reranker, unchanged.digests))
            run = _Run(job, reranker, source, manifest=manifest, unchanged=unchanged, on_progress=on_progress)
            resumed = manifest.rows
            stopped = None if manifest.complete else run.all_parts(should_stop, ahead or run.here)
    done = manifest.parts
    return BatchReport(
        complete=manifest.complete,
        stopped=stopped,
        resumed=resumed,
        rows=manifest.rows,
        kept=sum(part.kept for part in done),
        rejected=sum(part.rejected for part in done),
        documents=sum(part.documents for part in done),
        parts=len(done),
        dollars=manifest.dollars,
        warnings=run.warnings,
    )


def check_price(job: BatchJob, model: AnyReranker) -> None:
    """Refuse a job whose costs cannot be kept below its `max_cost`.

    Raises:
        InvalidRequestError: The model costs nothing, or its price is not known.
    """
    if job.max_cost is None:
        return
    services = services_in(model)
    if not services:
        raise InvalidRequestError(
            f"max_cost is given, and {model.provider}:{model.model_id} runs here and costs nothing.",
            hint="Leave it out.",
        )
    for service in services:
        if list_price(service) is None:
            raise InvalidRequestError(
                f"max_cost cannot be held: the price of {service.provider}:{service.model_id} is not known.",
                hint="`localrank models --remote` lists the prices that are.",
            )


def forget(job: BatchJob) -> None:
    """Delete what an earlier job left in the output's folder, and nothing else.

    Raises:
        InvalidRequestError: It cannot be deleted, or a process is writing to it.
    """
    if job.output.is_dir():
        with alone(job.output):
            clear(job.output)


def rows_of(part: Part, job: BatchJob) -> Rows:
    """Return what of a part is to be ranked; rows that the job's output cannot hold are rejects."""
    return part.read(part.named().faults() if job.writes_run else {})


class _Run:
    """One run over what is left of a job."""

    def __init__(
        self,
        job: BatchJob,
        model: AnyReranker,
        source: Source,
        *,
        manifest: Manifest,
        unchanged: Unchanged,
        on_progress: Callable[[BatchProgress], None],
    ) -> None:
        self._job, self._source, self._manifest = job, source, manifest
        self._unchanged, self._told = unchanged, on_progress
        self._asked = Asked(model, job.top_k, job.instruction, job.max_parallel, job.max_retries)
        self._packing = packing_of(job.input)
        self._documents, self._tokens = 0, 0
        self.warnings: dict[str, Warned] = {}
        self._is_first = True

    def all_parts(
        self, should_stop: Callable[[], bool], ranking: Callable[[Iterator[Part]], InTurn]
    ) -> Literal["asked", "max_cost"] | None:
        """Rank and write what is left; return why not all of it was."""
        manifest, job = self._manifest, self._job
        if manifest.total is None:
            manifest.total = self._source.survey(self._read)
            with writing(job.output):
                manifest.write(job.output)
        parts = self._source.parts(manifest.rows, job.documents_a_part(self._asked.model))
        for part, ranked in ranking(parts):
            if self._would_cost_too_much(part):
                return "max_cost"
            self._finish(part, ranked())
            if should_stop():
                return "asked"
        manifest.complete = True
        with writing(job.output):
            manifest.write(job.output)
        return None

    def here(self, parts: Iterator[Part]) -> InTurn:
        """Yield the parts with what ranks each in this process."""
        for part in parts:
            yield part, partial(self._ranked, part)

    def _ranked(self, part: Part) -> RankedRows:
        rows, wanted = rows_of(part, self._job), self._job.columns.wanted
        return rank_rows(self._asked, rows, wanted=wanted, on_ranked=self._tell)

    def _would_cost_too_much(self, part: Part) -> bool:
        if self._job.max_cost is None:
            return False
        dollars = part.amount().dollars(self._asked.model) or 0.0
        return self._manifest.dollars + dollars > self._job.max_cost

    def _finish(self, part: Part, found: RankedRows) -> None:
        """Write a part: its rejects first and the manifest last, so that what the manifest names is there."""
        rejects = numbered(found, part.start)
        if self._is_first and part.start == 0:
            found.refuse_unsaid(self._asked.model)
        self._is_first = False
        if self._job.strict and rejects:
            first = rejects[0]
            raise InvalidDataError(
                f"{self._job.input}: row {first.row} cannot be ranked: {first.reason}.",
                hint="Mend it, or leave --strict out: such rows then go to the rejects.",
            )
        self._unchanged.check()
        self._write(self._content(part, found), part, found, rejects)
        self._documents += found.documents
        self._tokens += found.tokens
        for kind, warned in found.warnings.items():
            add_warned(self.warnings, kind, warned)
        self._tell(RankedRows(found.layout, found.said))

    def _content(self, part: Part, found: RankedRows) -> bytes:
        if not self._job.writes_run:
            return part.written(found)
        tag = file_name(f"{self._asked.model.provider}:{self._asked.model.model_id}")
        return packed(part.named().written(found, tag), self._packing)

    def _write(self, content: bytes, part: Part, found: RankedRows, rejects: list[Reject]) -> None:
        folder, number = self._job.output, len(self._manifest.parts)
        suffix = f".run{self._packing}" if self._job.writes_run else self._source.suffix
        name = f"part-{number:05}{suffix}"
        with writing(folder):
            if rejects:
                write_whole(folder / f"_rejects-{number:05}.jsonl", _lines_of(rejects))
            write_whole(folder / name, content)
            kept = len(found.kept())
            self._manifest.parts.append(
                DonePart(
                    name, digest_of(content), part.rows, kept, len(rejects), found.documents, found.dollars
                )
            )
            self._manifest.write(folder)

    def _read(self, rows: int) -> None:
        self._told(BatchProgress("reading", rows, None, 0, 0, self._manifest.dollars))

    def _tell(self, part: RankedRows) -> None:
        """Tell how far the job is, with what is known of the part at hand."""
        manifest = self._manifest
        self._told(
            BatchProgress(
                "ranking",
                manifest.rows + part.rows,
                manifest.total,
                self._documents + part.documents,
                self._tokens + part.tokens,
                manifest.dollars + part.dollars,
            )
        )


def _lines_of(rejects: list[Reject]) -> bytes:
    return "".join(json.dumps(asdict(reject)) + "\n" for reject in rejects).encode()
