"""What a job is: the input, the output, and all that the output depends on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, get_args

from localrank._version import __version__
from localrank.batches.columns import Columns
from localrank.batches.files.opening import source_of
from localrank.batches.files.part import Source
from localrank.batches.files.texts import CollectionFiles
from localrank.compose.wrapping.wrapper import fingerprint_of
from localrank.contract.errors import InvalidRequestError
from localrank.contract.model import AnyReranker
from localrank.providers.arguments import check_choice, check_count, check_path
from localrank.providers.services import services_in

__all__ = ["BatchJob", "OutputFormat"]

OutputFormat = Literal["same", "trec", "jsonl"]
"""What is written: the rows in the kind of file they came in, lines of a TREC run, or of a TREC run the lines as JSON."""

PART_DOCUMENTS, PART_DOCUMENTS_REMOTE = 20_000, 2_000
"""Candidates after which a part ends: those of a part that is lost are ranked, and by a service paid, once more."""


@dataclass(frozen=True, slots=True)
class BatchJob:
    """What is to be ranked, and where to.

    Attributes:
        input: A `.parquet` or `.jsonl` file, the latter also packed (`.gz`, `.zst`); with `collection`, a TREC run.
        output: A folder, made where there is none; it gets `part-00000.parquet` (or `.jsonl`, `.run`, packed as the input is)
            and so on, `_rejects-00000.jsonl` where a part has rejects, and a manifest.
        columns: The names of columns.
        top_k: How many candidates of a query are kept.
        instruction: What "relevant" means.
        part_documents: Candidates after which a part ends, at the end of a query; None means 20,000, and 2,000 where a remote
            model is asked.
        strict: A row that cannot be ranked ends the job.
        max_parallel: Queries at once; None means 8.
        max_retries: Repetitions of a remote call; None means 2.
        collection: Where the texts are that a TREC run names: a BEIR folder, or files.
        output_format: `same` writes the rows in the kind of file they came in, with columns added; `trec` writes a TREC run,
            for which `columns.group` names the id of the query and `columns.id` that of the candidate; `jsonl` writes the lines
            of a TREC run as JSON, with `query_id`, `document_id` and the columns added.
        max_cost: US dollars of the whole job, earlier runs included, by the list price: no part is begun that would pass them.

    Raises:
        InvalidRequestError: A path that is none, a number out of range, or a form of output that the input does not have.
    """

    input: Path
    output: Path
    columns: Columns = field(default_factory=Columns)
    top_k: int | None = None
    instruction: str | None = None
    part_documents: int | None = None
    strict: bool = False
    max_parallel: int | None = None
    max_retries: int | None = None
    collection: CollectionFiles | Path | str | None = None
    output_format: OutputFormat = "same"
    max_cost: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "input", check_path("input", self.input))
        object.__setattr__(self, "output", check_path("output", self.output))
        check_count("part_documents", self.part_documents)
        check_count("top_k", self.top_k)
        check_choice("output_format", self.output_format, get_args(OutputFormat))
        if isinstance(self.collection, (str, Path)):
            object.__setattr__(self, "collection", CollectionFiles.of_folder(self.collection))
        if self.max_cost is not None and not 0 < self.max_cost < float("inf"):
            raise InvalidRequestError(
                f"max_cost is {self.max_cost!r}.", hint="Pass dollars above 0, or None."
            )
        self._check_format()

    def _check_format(self) -> None:
        names, is_run = self.columns, isinstance(self.collection, CollectionFiles)
        if self.output_format == "jsonl" and not is_run:
            raise InvalidRequestError(
                "output_format is 'jsonl', which is for a TREC run as input.",
                hint="Leave it out: rows keep their kind.",
            )
        self._refuse_unread(is_run=is_run)
        if not self.writes_run:
            return
        if not is_run and None in (names.group, names.id):
            raise InvalidRequestError(
                "A TREC run as output needs the ids of queries and candidates.",
                hint="Name their columns: Columns(group=, id=).",
            )
        if len(names.added) > 2:
            raise InvalidRequestError(
                "A TREC run has no place for logit, truncated and chunk.",
                hint="Leave these columns out, or write another form: output_format='jsonl'.",
            )

    def _refuse_unread(self, *, is_run: bool) -> None:
        """Refuse names of columns that nothing reads."""
        names, usual = self.columns, Columns()
        if is_run and (names.query, names.text, names.group, names.id) != (
            usual.query,
            usual.text,
            None,
            None,
        ):
            raise InvalidRequestError(
                "A TREC run has no columns for queries, texts, groups and ids.", hint="Leave their names out."
            )
        if self.writes_run and (names.rank, names.score) != (usual.rank, usual.score):
            raise InvalidRequestError(
                "A TREC run has no names for rank and score.",
                hint="Leave their names out, or write another form: output_format='jsonl'."
                if is_run
                else "Leave their names out.",
            )
        if names.id is not None and not self.writes_run:
            raise InvalidRequestError(
                f"The column of ids {names.id!r} is read for a TREC run only.",
                hint="Leave it out, or write one: output_format='trec'.",
            )

    @property
    def writes_run(self) -> bool:
        """Whether the output is a TREC run."""
        is_run = isinstance(self.collection, CollectionFiles)
        return self.output_format == "trec" or (is_run and self.output_format == "same")

    def opened(self) -> Source:
        """Return the input.

        Raises:
            InvalidRequestError: It cannot be read, or its columns do not fit.
            MissingDependencyError: A package is absent that reads it.
        """
        collection = self.collection if isinstance(self.collection, CollectionFiles) else None
        return source_of(self.input, self.columns, collection)

    def documents_a_part(self, model: AnyReranker) -> int:
        """Return the candidates after which a part ends."""
        default = PART_DOCUMENTS_REMOTE if services_in(model) else PART_DOCUMENTS
        return default if self.part_documents is None else self.part_documents

    def identity(self, model: AnyReranker, digests: dict[str, str]) -> dict[str, object]:
        """Return all that the output depends on.

        Args:
            model: The reranker.
            digests: What tells each file that is read from another.
        """
        return {
            **digests,
            "model": fingerprint_of(model),
            "localrank": __version__,
            "columns": asdict(self.columns),
            "top_k": self.top_k,
            "instruction": self.instruction,
            "part_documents": self.documents_a_part(model),
            "output_format": self.output_format,
        }
