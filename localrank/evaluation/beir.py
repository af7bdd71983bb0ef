"""A folder in the BEIR layout: `corpus.jsonl`, `queries.jsonl` and `qrels/<split>.tsv`."""

from __future__ import annotations

from pathlib import Path

from localrank.contract.errors import InvalidRequestError
from localrank.evaluation.collection import Collection
from localrank.evaluation.trec import read_qrels, read_texts

__all__ = ["load_beir"]

_SPLITS = ("test", "dev", "train")


def load_beir(path: str | Path, *, split: str | None = None, qrels: str | Path | None = None) -> Collection:
    """Read a BEIR folder.

    Args:
        path: The folder with `corpus.jsonl` (`_id`, `text`, an optional `title` put before it), `queries.jsonl` (`_id`, `text`)
            and `qrels/`.
        split: The file in `qrels/` without its ending; None takes the first there is of test, dev and train.
        qrels: Judgements from another file, in BEIR's or TREC's columns.

    Raises:
        InvalidRequestError: A file that is absent or has a wrong line.
    """
    folder = Path(path)
    for name in ("corpus.jsonl", "queries.jsonl"):
        if not (folder / name).is_file():
            raise InvalidRequestError(
                f"{folder} has no {name}.",
                hint="A BEIR folder holds corpus.jsonl, queries.jsonl and qrels/test.tsv.",
            )
    judged = _qrels_file(folder, split) if qrels is None else Path(qrels)
    return Collection(
        folder.resolve().name,
        read_texts(folder / "queries.jsonl"),
        read_texts(folder / "corpus.jsonl"),
        read_qrels(judged),
    )


def _qrels_file(folder: Path, split: str | None) -> Path:
    found = {path.stem: path for path in sorted((folder / "qrels").glob("*.tsv"))}
    wanted = [split] if split is not None else [*_SPLITS, *found]
    for name in wanted:
        if name in found:
            return found[name]
    there = f"There are {', '.join(found)}." if found else "The folder qrels/ is absent or has no .tsv file."
    raise InvalidRequestError(f"{folder} has no judgements {wanted[0]!r}.", hint=there)
