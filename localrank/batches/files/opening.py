"""Which kind of input a file is."""

from __future__ import annotations

from pathlib import Path

from localrank.batches.columns import Columns
from localrank.batches.files.jsonl import JsonLines
from localrank.batches.files.packed import without_packing
from localrank.batches.files.parquet import Parquet
from localrank.batches.files.part import Source
from localrank.batches.files.runs import TrecRun
from localrank.batches.files.texts import CollectionFiles
from localrank.contract.errors import InvalidDataError

__all__ = ["source_of"]


def source_of(path: Path, columns: Columns, collection: CollectionFiles | None = None) -> Source:
    """Return the source that the file's name tells; with a collection it is a TREC run, whatever its name.

    Raises:
        InvalidDataError: It tells none, the file cannot be read, or its columns do not fit.
        MissingDependencyError: pyarrow is not installed, or for a file packed by zstd what reads that.
    """
    if collection is not None:
        for file in (path, collection.queries, collection.documents):
            if not file.is_file():
                raise InvalidDataError(f"{file} is no file.")
        return TrecRun(path, collection, columns)
    name = without_packing(path)
    if path.name.lower().endswith(".parquet"):
        return Parquet(path, columns)
    if name.endswith((".jsonl", ".ndjson")):
        return JsonLines(path, columns)
    if name.endswith((".run", ".trec")):
        raise InvalidDataError(
            f"{path} names queries and documents, whose texts are elsewhere.",
            hint="Name the collection: --collection FOLDER, or --queries-file and --documents.",
        )
    csv = (
        f" pandas.read_csv({path.name!r}).to_parquet({path.stem + '.parquet'!r}) makes one."
        if name.endswith(".csv")
        else ""
    )
    raise InvalidDataError(
        f"{path} is of no kind that a job reads.",
        hint=f"Pass a .parquet or .jsonl file, the latter also packed (.gz, .zst); or a TREC run with its collection.{csv}",
    )
