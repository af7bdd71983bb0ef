"""Collections in folders: BEIR's layout, and that of data sets on the hub, of which NanoBEIR, HAKARI-Bench and MTEB are some.

BEIR: `corpus.jsonl`, `queries.jsonl`, `qrels/test.tsv`. The hub, as `datasets` writes it: a folder each for `corpus`,
`queries` and `qrels` with a file or several a split, `corpus/test-00000-of-00001.parquet`; and perhaps folders of candidates,
such as `bm25`. MTEB keeps judgements in `data`, the first NanoBEIR with candidates in `relevance`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from localrank.contract.errors import InvalidDataError
from localrank.providers.data.judgements import Grades, judgements
from localrank.providers.data.rows import IDS, identifier, is_records, joined_text, records, split_of
from localrank.providers.lines import fault

__all__ = ["FolderData", "corpus_files", "read_folder", "texts_by_id"]

_ENDINGS = (".jsonl", ".jsonl.gz", ".parquet")
_JUDGED = ("qrels", "relevance", "data")
_TEXT_KEYS = {"corpus": ("text",), "queries": ("text", "query")}
_NO_CANDIDATES = frozenset({"corpus", "queries", "qrels", "data"})

_Splits = Mapping[str, Sequence[Path]]
"""Split → its files. A file beside the others has the empty name: it is of every split."""


@dataclass(frozen=True, slots=True)
class FolderData:
    """What a folder holds for one split.

    Attributes:
        name: The folder's, and the split's where it chooses among several collections.
        queries: Query id → text.
        documents: Document id → text, title first.
        grades: Query id → document id → grade.
        judged_in: The files of the judgements.
        candidates: The name of each first stage that came with the data, and its files; see `judgements.candidates`.
    """

    name: str
    queries: Mapping[str, str]
    documents: Mapping[str, str]
    grades: Grades
    judged_in: tuple[Path, ...]
    candidates: Mapping[str, tuple[Path, ...]] = field(default_factory=dict[str, tuple[Path, ...]])


def read_folder(
    folder: Path,
    splits: Sequence[str],
    *,
    qrels: Path | None = None,
    any_split: bool = False,
    whole: bool = False,
) -> FolderData:
    """Read a folder.

    Args:
        folder: In one of the layouts.
        splits: The first of them that has judgements is read.
        qrels: Judgements from another file.
        any_split: Whether a split of another name is read where it is the only one.
        whole: Whether a grade must be a whole number.

    Raises:
        InvalidDataError: It is no such folder, a file of it is absent or has a wrong line, or no such split has judgements.
        MissingDependencyError: A Parquet file without pyarrow.
    """
    parts = {name: _splits(folder, name) for name in ("corpus", "queries")}
    for name, found in parts.items():
        if not found:
            raise _absent(folder, name)
    if qrels is None:
        split, files, several = _judged(folder, splits, any_split=any_split)
    else:
        split, files, several = splits[0] if splits and not any_split else "", (qrels,), False
    return FolderData(
        name=f"{folder.resolve().name}/{split}"
        if several and len(parts["corpus"]) > 1
        else folder.resolve().name,
        queries=texts_by_id(_of_split(folder, "queries", parts["queries"], split), *_TEXT_KEYS["queries"]),
        documents=texts_by_id(_of_split(folder, "corpus", parts["corpus"], split), *_TEXT_KEYS["corpus"]),
        grades=_joined(files, whole=whole),
        judged_in=files,
        candidates=_candidates(folder, split),
    )


def corpus_files(folder: Path) -> Sequence[Path]:
    """Return the files with the documents of a folder in one of the layouts, of all its collections.

    Raises:
        InvalidDataError: It is no such folder.
    """
    found = _splits(folder, "corpus")
    if not found:
        raise _absent(folder, "corpus")
    return [path for files in found.values() for path in files]


def texts_by_id(files: Sequence[Path], *keys: str) -> dict[str, str]:
    """Return id → text, title first, of records.

    Raises:
        InvalidDataError: A record without id or text, or an id for the second time.
    """
    texts: dict[str, str] = {}
    for path in files:
        for number, record in records(path):
            key = identifier(path, number, record, IDS)
            if key in texts:
                raise fault(path, number, f"the id {key!r} is there for the second time.")
            texts[key] = joined_text(path, number, record, *keys)
    return texts


def _splits(folder: Path, name: str) -> _Splits:
    """Return the files of a part of the collection by split: one beside the others, or all in the folder of that name."""
    for ending in _ENDINGS:
        if (folder / f"{name}{ending}").is_file():
            return {"": [folder / f"{name}{ending}"]}
    found: dict[str, list[Path]] = {}
    inside = sorted((folder / name).iterdir()) if (folder / name).is_dir() else []
    for path in inside:
        if path.is_file() and (is_records(path) or (name == "qrels" and path.suffix == ".tsv")):
            found.setdefault(split_of(path), []).append(path)
    return found


def _absent(folder: Path, name: str) -> InvalidDataError:
    there = sorted(path.name for path in folder.iterdir())[:8] if folder.is_dir() else []
    held = f"It holds {', '.join(there)}. " if there else ""
    return InvalidDataError(
        f"{folder} has no {name}.jsonl.",
        hint=f"{held}A BEIR folder holds corpus.jsonl, queries.jsonl and qrels/test.tsv; a data set of the hub a folder each "
        "for corpus, queries and qrels with .parquet or .jsonl files.",
    )


def _judged(folder: Path, wanted: Sequence[str], *, any_split: bool) -> tuple[str, tuple[Path, ...], bool]:
    """Return the split whose judgements are read, their files, and whether there were others."""
    found: _Splits = next(filter(None, (_splits(folder, name) for name in _JUDGED)), {})
    chosen = next((split for split in wanted if split in found), None)
    if chosen is None and any_split and len(found) == 1:
        chosen = next(iter(found))
    if chosen is not None:
        return chosen, tuple(found[chosen]), len(found) > 1
    names = ", ".join(sorted(found))
    if not found:
        what = f"{folder} has no judgements."
        raise InvalidDataError(
            what, hint="They are in qrels/test.tsv, or in the folder qrels of a data set of the hub."
        )
    if any_split:
        raise _unchosen(folder, found)
    raise InvalidDataError(f"{folder} has no judgements {wanted[0]!r}.", hint=f"There are {names}.")


def _unchosen(folder: Path, found: _Splits) -> InvalidDataError:
    names = sorted(found)
    return InvalidDataError(
        f"{folder} holds {len(names)} collections: {', '.join(names)}.",
        hint=f"Name one as the split, on the command line with --split {names[0]}",
    )


def _of_split(folder: Path, name: str, found: _Splits, split: str) -> Sequence[Path]:
    """Return the files of a split; those of the only one where all splits share a corpus."""
    if split in found:
        return found[split]
    if len(found) == 1:
        return next(iter(found.values()))
    if not split:
        raise _unchosen(folder, found)
    raise InvalidDataError(
        f"{folder} has no {name} of {split!r}.", hint=f"There is {name} of {', '.join(sorted(found))}."
    )


def _joined(files: Sequence[Path], *, whole: bool) -> Grades:
    joined: Grades = {}
    for path in files:
        for query, grades in judgements(path, whole=whole).items():
            joined.setdefault(query, {}).update(grades)
    return joined


def _candidates(folder: Path, split: str) -> dict[str, tuple[Path, ...]]:
    """Return the first stages beside the collection; the files are not looked into."""
    found: dict[str, tuple[Path, ...]] = {}
    for inside in sorted(
        path for path in folder.iterdir() if path.is_dir() and path.name not in _NO_CANDIDATES
    ):
        files = _splits(folder, inside.name)
        if files and (split in files or len(files) == 1):
            name = "bm25" if inside.name == "relevance" else inside.name
            found[name] = tuple(_of_split(folder, inside.name, files, split))
    return found
