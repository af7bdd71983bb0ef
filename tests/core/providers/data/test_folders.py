"""Folders in BEIR's layout and in those that data sets of the hub have."""

from __future__ import annotations

from pathlib import Path

import pytest

from localrank import InvalidDataError
from localrank.providers.data.folders import read_folder
from localrank.providers.data.judgements import candidates
from localrank.providers.data.rows import split_of
from tests.support.hub_folder import write_hub_folder, write_rows
from tests.support.small_collection import DOCUMENTS, QUERIES, RUN, write_beir

ANY = ("test", "dev", "train")


@pytest.mark.parametrize("ending", [".parquet", ".jsonl"])
def test_a_folder_for_each_part_is_read(tmp_path: Path, ending: str) -> None:
    found = read_folder(write_hub_folder(tmp_path / "nano", ending=ending), ANY, any_split=True)

    assert (found.name, found.queries, found.documents) == ("nano", QUERIES, DOCUMENTS)
    assert found.grades["q1"] == {"d1": 1.0, "d2": 1.0}
    assert {name: dict(candidates(files[0])) for name, files in found.candidates.items()} == {
        "bm25": {query: [document for document, _ in ranking] for query, ranking in RUN.items()}
    }


def test_one_of_several_collections_has_to_be_named(tmp_path: Path) -> None:
    folder = write_hub_folder(tmp_path / "nano", "NanoA", "NanoB")

    with pytest.raises(InvalidDataError, match=r"holds 2 collections: NanoA, NanoB\..*--split NanoA"):
        read_folder(folder, ANY, any_split=True)
    assert read_folder(folder, ("NanoB",)).name == "nano/NanoB"


def test_the_only_split_is_read_whatever_its_name(tmp_path: Path) -> None:
    folder = write_hub_folder(tmp_path / "nano", "NanoA")

    assert read_folder(folder, ANY, any_split=True).queries == QUERIES
    with pytest.raises(InvalidDataError, match=r"no judgements 'test'\. There are NanoA\."):
        read_folder(folder, ANY)


def test_shards_of_a_split_are_one(tmp_path: Path) -> None:
    folder = write_hub_folder(tmp_path / "nano", ending=".jsonl")
    (folder / "corpus" / "train-00000-of-00001.jsonl").unlink()
    for number, (key, text) in enumerate(DOCUMENTS.items()):
        write_rows(folder / "corpus" / f"train-{number:05}-of-00010.jsonl", [{"_id": key, "text": text}])

    assert read_folder(folder, ANY).documents == DOCUMENTS


def test_judgements_in_the_folders_data_and_relevance_are_found(tmp_path: Path) -> None:
    mteb = write_hub_folder(tmp_path / "mteb", "test")
    (mteb / "qrels").rename(mteb / "data")
    for name in ("corpus", "queries"):  # whose splits MTEB names after the parts
        (mteb / name / "test-00000-of-00001.parquet").rename(mteb / name / f"{name}-00000-of-00001.parquet")
    nano = write_hub_folder(tmp_path / "nano", candidates=())
    (nano / "qrels" / "train-00000-of-00001.parquet").unlink()
    row = {"query-id": "q1", "positive-corpus-ids": ["d1", "d2"], "bm25-ranked-ids": ["d2", "d5"]}
    write_rows(nano / "relevance" / "train-00000-of-00001.parquet", [row])

    assert read_folder(mteb, ANY).grades["q1"] == {"d1": 1.0, "d2": 1.0}
    found = read_folder(nano, ANY)
    assert found.grades == {"q1": {"d1": 1.0, "d2": 1.0}}
    assert dict(candidates(found.candidates["bm25"][0])) == {"q1": ["d2", "d5"]}


def test_a_list_of_documents_in_a_judgement_is_several(tmp_path: Path) -> None:
    folder = write_hub_folder(tmp_path / "nano", ending=".jsonl")
    rows = [{"query-id": "q1", "corpus-id": ["d1", "d2"], "score": 2}]
    write_rows(folder / "qrels" / "train-00000-of-00001.jsonl", rows)

    assert read_folder(folder, ANY).grades == {"q1": {"d1": 2.0, "d2": 2.0}}


def test_a_pointer_of_git_lfs_says_so(tmp_path: Path) -> None:
    folder = write_hub_folder(tmp_path / "nano")
    (folder / "corpus" / "train-00000-of-00001.parquet").write_text(
        "version https://git-lfs.github.com/spec/v1"
    )

    with pytest.raises(InvalidDataError, match=r"is a pointer of Git LFS.*git lfs pull"):
        read_folder(folder, ANY)


def test_what_is_no_parquet_is_named(tmp_path: Path) -> None:
    folder = write_hub_folder(tmp_path / "nano")
    (folder / "corpus" / "train-00000-of-00001.parquet").write_text("no")

    with pytest.raises(
        InvalidDataError, match=r"corpus/train-00000-of-00001\.parquet is no readable Parquet"
    ):
        read_folder(folder, ANY)


def test_a_folder_of_something_else_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("")

    with pytest.raises(InvalidDataError, match=r"has no corpus\.jsonl\. It holds notes\.md\. A BEIR folder"):
        read_folder(tmp_path, ANY)


def test_packed_files_of_a_beir_folder_are_read(tmp_path: Path) -> None:
    import gzip

    folder = write_beir(tmp_path / "small")
    content = (folder / "corpus.jsonl").read_bytes()
    (folder / "corpus.jsonl").unlink()
    (folder / "corpus.jsonl.gz").write_bytes(gzip.compress(content))

    assert read_folder(folder, ANY).documents == DOCUMENTS


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("test.tsv", "test"),
        ("train-00000-of-00002.parquet", "train"),
        ("train-00000-of-00002-0123456789abcdef.parquet", "train"),
        ("NanoMTEB-v2-00000-of-00001.parquet", "NanoMTEB-v2"),
        ("dev.jsonl.gz", "dev"),
        ("best-of-all.jsonl", "best-of-all"),
    ],
)
def test_the_split_is_the_name_without_the_shard(name: str, split: str) -> None:
    assert split_of(Path(name)) == split
