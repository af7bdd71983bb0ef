"""`run_batch`: a file ranked into a folder of parts; started again it goes on where it stopped, and the bytes are the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from localrank._version import __version__
from localrank.batches.files import Part, Source, source_of
from localrank.batches.manifest import MANIFEST, DonePart, Manifest, identity_of, write_whole
from localrank.batches.rows import Asked, Columns, Reject
from localrank.compose.wrapping.wrapper import fingerprint_of
from localrank.contract.errors import InvalidRequestError
from localrank.contract.model import AnyReranker
from localrank.providers.arguments import check_count, check_path
from localrank.providers.registry import resolve

__all__ = ["BatchJob", "BatchProgress", "BatchReport", "forget", "run_batch"]


@dataclass(frozen=True, slots=True)
class BatchJob:
    """What is to be ranked, and where to.

    Attributes:
        input: A `.parquet`, `.jsonl` or `.jsonl.gz` file.
        output: A folder, made where there is none; it gets `part-00000.parquet` (or `.jsonl`, `.jsonl.gz`) and so on,
            `_rejects-00000.jsonl` where a part has rejects, and a manifest.
        columns: The names of columns.
        top_k: How many candidates of a query are kept.
        instruction: What "relevant" means.
        part_documents: Candidates after which a part ends, at the end of a query.
        strict: A row that cannot be ranked ends the job.
        max_parallel: Queries at once; None means 8.
        max_retries: Repetitions of a remote call; None for the default.

    Raises:
        InvalidRequestError: A path that is none, or a part of no documents.
    """

    input: Path
    output: Path
    columns: Columns = field(default_factory=Columns)
    top_k: int | None = None
    instruction: str | None = None
    part_documents: int = 20_000
    strict: bool = False
    max_parallel: int | None = None
    max_retries: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "input", check_path("input", self.input))
        object.__setattr__(self, "output", check_path("output", self.output))
        check_count("part_documents", self.part_documents)

    def identity(self, model: AnyReranker) -> dict[str, object]:
        """Return all that the output depends on."""
        return {
            "input": identity_of(self.input),
            "model": fingerprint_of(model),
            "localrank": __version__,
            "columns": asdict(self.columns),
            "top_k": self.top_k,
            "instruction": self.instruction,
            "part_documents": self.part_documents,
        }


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """How far a job is.

    Attributes:
        rows: Rows of the input that are in finished parts, of earlier runs too.
        total: Rows of the input; None where that is not known beforehand.
        documents: Candidates ranked in this run.
        tokens: Tokens that the model read in this run, as far as it says.
        dollars: What this run's remote calls cost, as far as the price is known.
    """

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
        resumed: Rows that earlier runs had done.
        rows: Rows of the input that are done.
        kept: Rows that the parts hold.
        rejected: Rows that could not be ranked.
        documents: Candidates ranked, by earlier runs too.
        parts: Files written, by earlier runs too.
    """

    complete: bool
    resumed: int
    rows: int
    kept: int
    rejected: int
    documents: int
    parts: int


def run_batch(
    job: BatchJob,
    model: AnyReranker | str,
    *,
    on_progress: Callable[[BatchProgress], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> BatchReport:
    """Rank the candidates of a file, and write its rows with rank and score into parts.

    Killed at any moment and called again with the same job it goes on after the last whole part, and what it writes is, byte
    for byte, what an undisturbed run writes, as far as the model gives the same scores again.

    Args:
        job: What is to be ranked.
        model: A reranker or a name.
        on_progress: Called after every few lists.
        should_stop: Asked after every part; True ends the run there.

    Returns:
        What it came to; `complete` is False after a stop.

    Raises:
        InvalidRequestError: A file, column or folder that cannot be used, a job that differs from the folder's, rows of one
            query that stand apart, or with `strict` a row that cannot be ranked.
        MissingDependencyError: pyarrow is not installed.
        RerankError: Whatever the model raised; finished parts are kept.
    """
    reranker = resolve(model)
    source = source_of(job.input, job.columns)
    manifest = Manifest.opened(job.output, job.identity(reranker))
    run = _Run(job, source, manifest, on_progress)
    resumed = manifest.rows
    asked = Asked(reranker, job.top_k, job.instruction, job.max_parallel, job.max_retries)
    stopped = False
    if not manifest.complete:
        for part in source.parts(resumed, job.part_documents):
            run.finish(part, asked)
            stopped = should_stop()
            if stopped:
                break
        if not stopped:
            manifest.complete = True
            manifest.write(job.output)
    done = manifest.parts
    return BatchReport(
        complete=manifest.complete,
        resumed=resumed,
        rows=manifest.rows,
        kept=sum(part.kept for part in done),
        rejected=sum(part.rejected for part in done),
        documents=sum(part.documents for part in done),
        parts=len(done),
    )


def forget(job: BatchJob) -> None:
    """Delete what an earlier job left in the folder, and nothing else.

    Raises:
        InvalidRequestError: It cannot be deleted.
    """
    names = ("part-*.parquet", "part-*.jsonl", "part-*.jsonl.gz", "_rejects-*.jsonl", MANIFEST, ".*.new")
    try:
        if (job.output / MANIFEST).exists():
            for name in names:
                for path in job.output.glob(name):
                    path.unlink()
    except OSError as error:
        raise InvalidRequestError(f"{job.output} cannot be cleared: {error.strerror}.") from None


class _Run:
    """One run over what is left of a job."""

    def __init__(
        self, job: BatchJob, source: Source, manifest: Manifest, on_progress: Callable[[BatchProgress], None]
    ) -> None:
        self._job, self._source, self._manifest, self._told = job, source, manifest, on_progress
        self._documents, self._tokens, self._dollars = 0, 0, 0.0

    def finish(self, part: Part, asked: Asked) -> None:
        """Rank a part and write it: its rejects first and the manifest last, so that what the manifest names is there."""
        content, found = part.rank(asked, self._count)
        if self._job.strict and found.rejects:
            first = found.rejects[0]
            raise InvalidRequestError(
                f"{self._job.input}: row {first.row} cannot be ranked: {first.reason}.",
                hint="Mend it, or leave --strict out: such rows then go to the rejects.",
            )
        number = len(self._manifest.parts)
        folder, name = self._job.output, f"part-{number:05}{self._source.suffix}"
        try:
            if found.rejects:
                write_whole(folder / f"_rejects-{number:05}.jsonl", _lines_of(found.rejects))
            write_whole(folder / name, content)
            self._manifest.parts.append(
                DonePart(name, len(content), part.rows, found.written, len(found.rejects), found.documents)
            )
            self._manifest.write(folder)
        except OSError as error:
            raise InvalidRequestError(
                f"{folder} cannot be written: {error.strerror}.",
                hint="The same job goes on from there once it can.",
            ) from None
        self._tokens += found.tokens
        self._dollars += found.dollars
        self._tell()

    def _count(self, documents: int) -> None:
        self._documents += documents
        self._tell()

    def _tell(self) -> None:
        self._told(
            BatchProgress(
                self._manifest.rows, self._source.total, self._documents, self._tokens, self._dollars
            )
        )


def _lines_of(rejects: list[Reject]) -> bytes:
    lines = sorted(rejects, key=lambda reject: reject.row)
    return "".join(json.dumps(asdict(reject)) + "\n" for reject in lines).encode()
