"""A TREC run with its collection goes in, and a run, or its lines as JSON, comes out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from localrank import InvalidRequestError, rerank_sync
from localrank.batches import BatchJob, CollectionFiles, Columns, plan, run_batch
from localrank.batches.files import texts as texts_module
from localrank.batches.files.packed import opened, packed, packing_of
from localrank.evaluation import read_run
from localrank.testing import LexicalReranker
from tests.batches.conftest import WriteRows, contents, some_lists, some_rows, written

QUERIES = {f"q{number}": f"boat {number}" for number in range(6)}
DOCUMENTS = {f"d{number}": "boat " * number + f"{number} sails" for number in range(5)}
LINES = [f"{query} Q0 {document} 1 0.5 first" for query in QUERIES for document in DOCUMENTS]


def put(path: Path, lines: list[str]) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(packed("".join(line + "\n" for line in lines).encode(), packing_of(path)))
    return path


def objects(texts: dict[str, str], **more: str) -> list[str]:
    return [json.dumps({"_id": name, **more, "text": text}) for name, text in texts.items()]


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    put(tmp_path / "beir/queries.jsonl", objects(QUERIES))
    put(tmp_path / "beir/corpus.jsonl", objects(DOCUMENTS))
    return tmp_path / "beir"


def a_job(run: Path, collection: Any, **settings: Any) -> BatchJob:
    given = {"part_documents": 12, **settings}
    return BatchJob(run, run.parent / "out", collection=collection, **given)


def lines_of(folder: Path) -> list[str]:
    lines: list[str] = []
    for path in sorted(folder.glob("part-*")):
        with opened(path) as file:
            lines += file.read().decode().splitlines()
    return lines


def rejects_of(folder: Path) -> list[tuple[int, str]]:
    records = [
        json.loads(line)
        for path in sorted(folder.glob("_rejects-*.jsonl"))
        for line in path.read_text("utf-8").splitlines()
    ]
    return [(record["row"], record["reason"]) for record in records]


@pytest.mark.parametrize("packing", ["", ".gz", ".zst"])
def test_a_run_comes_out_in_the_models_order(packing: str, tmp_path: Path, collection: Path) -> None:
    job = a_job(put(tmp_path / f"first.run{packing}", LINES), collection)
    report = run_batch(job, LexicalReranker())
    put(tmp_path / "all.run", lines_of(job.output))
    expected = rerank_sync(LexicalReranker(), QUERIES["q3"], list(DOCUMENTS.values()))
    ranking = read_run(tmp_path / "all.run")["q3"]

    assert [document for document, _ in ranking] == [[*DOCUMENTS][hit.index] for hit in expected]
    assert [score for _, score in ranking] == pytest.approx([hit.score for hit in expected], rel=1e-6)
    assert (report.rows, report.kept, report.parts) == (30, 30, 2)
    assert {path.suffixes[-1] for path in job.output.glob("part-*")} == {packing or ".run"}
    assert lines_of(job.output)[0].split()[-1] == "lexical-default"


def test_top_k_leaves_lines_out(tmp_path: Path, collection: Path) -> None:
    job = a_job(put(tmp_path / "first.run", LINES), collection, top_k=2)
    run_batch(job, LexicalReranker())

    assert [line.split()[3] for line in lines_of(job.output)] == ["1", "2"] * 6


def test_lines_come_out_as_json_with_columns_on_request(tmp_path: Path, collection: Path) -> None:
    columns = Columns(rank="place", truncated="cut")
    job = a_job(put(tmp_path / "first.run", LINES), collection, output_format="jsonl", columns=columns)
    run_batch(job, LexicalReranker())
    first = written(job.output)[0]

    assert (first["query_id"], first["document_id"], first["cut"]) == ("q0", "d0", False)
    assert [row["place"] for row in written(job.output)[:5]] == [5, 4, 3, 2, 1]


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_a_packed_collection_is_read_as_a_plain_one(ending: str, tmp_path: Path, collection: Path) -> None:
    job = a_job(put(tmp_path / "first.run", LINES), collection)
    run_batch(job, LexicalReranker())
    put(tmp_path / f"packed/queries.jsonl{ending}", objects(QUERIES))
    put(tmp_path / f"packed/corpus.jsonl{ending}", objects(DOCUMENTS))
    other = replace(job, collection=tmp_path / "packed", output=tmp_path / "other")
    run_batch(other, LexicalReranker())

    assert lines_of(other.output) == lines_of(job.output)


def test_tables_of_ids_and_texts_are_read_as_objects_are(tmp_path: Path, collection: Path) -> None:
    job = a_job(put(tmp_path / "first.run", LINES), collection)
    run_batch(job, LexicalReranker())
    tables = CollectionFiles(
        put(tmp_path / "queries.tsv", [f"{name}\t{text}" for name, text in QUERIES.items()]),
        put(tmp_path / "documents.tsv", [f"{name}\t{text}" for name, text in DOCUMENTS.items()]),
    )
    other = replace(job, collection=tables, output=tmp_path / "other")
    run_batch(other, LexicalReranker())

    assert lines_of(other.output) == lines_of(job.output)


def test_a_title_stands_before_the_text(tmp_path: Path, collection: Path) -> None:
    put(collection / "corpus.jsonl", [*objects(DOCUMENTS), *objects({"d9": "sails"}, title="boat boat")])
    job = a_job(put(tmp_path / "first.run", ["q0 Q0 d0 1 1 x", "q0 Q0 d9 2 0.5 x"]), collection)
    run_batch(job, LexicalReranker())

    assert [line.split()[2] for line in lines_of(job.output)] == ["d9", "d0"]


def test_lines_that_cannot_be_ranked_are_rejects_with_their_reason(tmp_path: Path, collection: Path) -> None:
    wrong = ["q0 Q0 d1", "q0 Q0 d9 1 0.5 x", "q9 Q0 d1 1 0.5 x", "q9 Q0 d1 2 0.4 x"]
    job = a_job(
        put(tmp_path / "first.run", [LINES[0], LINES[0], *wrong[:2], *LINES[1:5], *wrong[2:]]), collection
    )
    report = run_batch(job, LexicalReranker())

    assert (report.rejected, report.kept) == (5, 5)
    assert rejects_of(job.output) == [
        (2, "the candidate 'd0' is there twice for its query"),
        (3, "the line has 3 columns, and a run has `query Q0 document rank score tag`"),
        (4, "the collection has no document 'd9'"),
        (9, "the collection has no query 'q9'"),
        (10, "the collection has no query 'q9'"),
    ]


def test_lines_of_a_query_that_stand_apart_are_refused(tmp_path: Path, collection: Path) -> None:
    job = a_job(put(tmp_path / "first.run", [*LINES, LINES[0]]), collection)

    with pytest.raises(InvalidRequestError, match="'q0' comes again in row 31"):
        run_batch(job, LexicalReranker())


@pytest.mark.parametrize("changed", ["queries.jsonl", "corpus.jsonl"])
def test_another_collection_is_another_job(changed: str, tmp_path: Path, collection: Path) -> None:
    job = a_job(put(tmp_path / "first.run", LINES), collection)
    run_batch(job, LexicalReranker(), should_stop=lambda: True)
    text = (collection / changed).read_text("utf-8")
    (collection / changed).write_text(text.replace("boat", "ship"), "utf-8")

    with pytest.raises(InvalidRequestError, match=f"{'queries' if 'q' in changed else 'documents'} was"):
        run_batch(job, LexicalReranker())


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (b"{broken", "corpus.jsonl:6: no JSON"),
        (b"[]", "corpus.jsonl:6: no JSON object"),
        (b'{"text": "t"}', "corpus.jsonl:6: there is no '_id'. The keys are 'text'"),
        (b'{"_id": "x"}', "corpus.jsonl:6: there is no 'text'. The keys are '_id'"),
        (b'{"_id": "x", "text": 5}', "corpus.jsonl:6: its text or title is no string"),
        (b'{"_id": "d1", "text": "t"}', "corpus.jsonl:6: the id 'd1' is there for the second time"),
        (b"\xff", "corpus.jsonl:6: no UTF-8 text"),
    ],
)
def test_a_collection_that_cannot_be_read_is_one_error(
    line: bytes, named: str, tmp_path: Path, collection: Path
) -> None:
    with (collection / "corpus.jsonl").open("ab") as file:
        file.write(line + b"\n")

    with pytest.raises(InvalidRequestError) as raised:
        run_batch(a_job(put(tmp_path / "first.run", LINES), collection), LexicalReranker())
    assert named in str(raised.value)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device here is always full")
def test_a_collection_that_finds_no_room_to_be_unpacked_is_not_blamed_for_it(
    tmp_path: Path, collection: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = put(tmp_path / "corpus.jsonl.gz", [*objects(DOCUMENTS), " " * 3_000_000])
    job = BatchJob(
        put(tmp_path / "in.run", LINES),
        tmp_path / "out",
        collection=CollectionFiles(collection / "queries.jsonl", corpus),
    )
    monkeypatch.setattr(texts_module.tempfile, "TemporaryFile", lambda: Path("/dev/full").open("w+b"))  # noqa: SIM115

    with pytest.raises(
        InvalidRequestError, match="folder for temporary files cannot be written: No space left"
    ):
        run_batch(job, LexicalReranker())


def test_a_plan_counts_the_texts(tmp_path: Path, collection: Path) -> None:
    planned = plan(a_job(put(tmp_path / "first.run", LINES), collection), LexicalReranker())
    texts = [len(query) + len(text) for query in QUERIES.values() for text in DOCUMENTS.values()]

    assert (planned.rows, planned.queries, planned.documents) == (30, 6, 30)
    assert planned.tokens == sum(-(-count // 4) for count in texts)


@pytest.mark.parametrize("name", ["in.jsonl", "in.parquet"])
def test_a_table_with_ids_comes_out_as_a_run(name: str, write: WriteRows) -> None:
    rows = [{**row, "qid": row["query"][6:], "id": str(number)} for number, row in enumerate(some_rows())]
    rows[7]["id"] = None
    rows[8]["id"] = "two words"
    source = write(name, rows)
    job = BatchJob(
        source,
        source.parent / "out",
        Columns(group="qid", id="id"),
        part_documents=12,
        output_format="trec",
        top_k=2,
    )
    report = run_batch(job, LexicalReranker())

    assert lines_of(job.output)[0].startswith("0 Q0 4 1 ")
    assert [line.split()[2] for line in lines_of(job.output)[:4]] == ["4", "3", "9", "6"]
    assert report.kept == len(lines_of(job.output)) == 24
    assert rejects_of(job.output) == [
        (8, "the id of the candidate is null"),
        (9, "the id of the candidate is empty or holds white space, which a TREC run cannot hold"),
    ]


@pytest.mark.parametrize("name", ["in.jsonl", "in.parquet"])
def test_lists_with_ids_come_out_as_a_run(name: str, write: WriteRows) -> None:
    rows = [{**row, "ids": [f"{row['id']}-{place}" for place in range(5)]} for row in some_lists()]
    rows[1]["ids"] = ["1-0"]
    rows[2]["ids"] = ["same"] * 5
    source = write(name, rows)
    columns = Columns(group="id", id="ids")
    job = BatchJob(source, source.parent / "out", columns, output_format="trec", top_k=1)
    run_batch(job, LexicalReranker())

    assert [line.split()[:4] for line in lines_of(job.output)[:2]] == [
        ["0", "Q0", "0-4", "1"],
        ["3", "Q0", "3-4", "1"],
    ]
    assert rejects_of(job.output) == [
        (2, "the candidates have no list of ids of the same length"),
        (3, "the candidate 'same' is there twice for its query"),
    ]


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"output_format": "trec"}, r"needs the ids.*Columns"),
        ({"output_format": "jsonl"}, "is for a TREC run as input"),
        ({"output_format": "csv"}, "output_format is 'csv'"),
        ({"output_format": "trec", "columns": Columns(group="g", id="i", logit="l")}, "no place for logit"),
        ({"columns": Columns(id="i")}, "'i' is read for a TREC run only"),
        (
            {"output_format": "trec", "columns": Columns(group="g", id="i", rank="place")},
            "has no names for rank and score",
        ),
        ({"max_cost": 0}, "max_cost is 0"),
        ({"collection": "/nowhere"}, "has no queries.jsonl"),
    ],
)
def test_a_job_that_cannot_be_is_refused(settings: dict[str, Any], named: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match=named):
        BatchJob(tmp_path / "in.jsonl", tmp_path / "out", **settings)


def test_columns_that_a_run_does_not_have_are_refused(tmp_path: Path, collection: Path) -> None:
    with pytest.raises(InvalidRequestError, match="has no columns for queries"):
        a_job(tmp_path / "first.run", collection, columns=Columns(query="q"))
    with pytest.raises(InvalidRequestError, match=r"no names for rank and score.+output_format='jsonl'"):
        a_job(tmp_path / "first.run", collection, columns=Columns(score="s"))


def test_a_run_without_its_collection_is_told_what_it_needs(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="--collection FOLDER"):
        run_batch(a_job(put(tmp_path / "first.run", LINES), None), LexicalReranker())


def test_a_job_stopped_after_each_part_leaves_the_same_bytes(tmp_path: Path, collection: Path) -> None:
    job = a_job(put(tmp_path / "first.run", [*LINES[:3], "broken", *LINES[3:]]), collection)
    run_batch(job, LexicalReranker())
    other = replace(job, output=tmp_path / "other")
    while not run_batch(other, LexicalReranker(), should_stop=lambda: True).complete:
        pass

    assert contents(other.output) == contents(job.output)
