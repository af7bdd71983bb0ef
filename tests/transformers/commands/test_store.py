"""`localrank store`: a collection read ahead, gone on with, looked at, compacted, cleared."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from localrank import InvalidRequestError, ModelLoadError, rerank_sync
from localrank_transformers import OnnxReranker
from localrank_transformers.commands.store import store, texts_of
from tests.support.hub_folder import write_rows


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(store, [str(word) for word in words], catch_exceptions=False)


def collection(path: Path, count: int) -> Path:
    path.mkdir(exist_ok=True)
    records = [{"_id": str(at), "title": f"title {at}", "text": f"text {at}"} for at in range(count)]
    (path / "corpus.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records))
    return path


def warm(folder: Path, source: Path) -> Result:
    return run("warm", folder, source, "--model", "localrank-tiny", "--max-mb", "20")


def test_what_was_read_ahead_is_known_to_a_search(tmp_path: Path) -> None:
    done = warm(tmp_path / "s", collection(tmp_path / "c", 12))
    assert done.stdout == "12 documents were read; the store has 12.\n"
    with OnnxReranker("localrank-tiny", document_store=tmp_path / "s") as model:
        found = rerank_sync(model, "q", [f"title {at} text {at}" for at in range(12)])
    assert found.usage.cache_hits == 12


def test_the_same_command_goes_on_where_it_was_interrupted(tmp_path: Path) -> None:
    warm(tmp_path / "s", collection(tmp_path / "c", 5))
    again = warm(tmp_path / "s", collection(tmp_path / "c", 9))
    assert again.stdout == "4 documents were read; the store has 9.\n"
    assert "9 documents, 5 of them known before" in again.stderr


def test_a_store_tells_what_it_holds_and_can_be_compacted_and_cleared(tmp_path: Path) -> None:
    warm(tmp_path / "s", collection(tmp_path / "c", 5))
    facts = json.loads(run("info", tmp_path / "s", "--json").stdout)
    assert (facts["documents"], facts["model"]) == (5, "localrank-tiny")
    assert "documents  5 of" in run("info", tmp_path / "s").stdout
    assert run("compact", tmp_path / "s").exit_code == 0
    assert run("clear", tmp_path / "s").exit_code == 0
    assert json.loads(run("info", tmp_path / "s", "--json").stdout)["documents"] == 0


def test_a_store_is_made_small_on_request_and_stays_so(tmp_path: Path) -> None:
    source = collection(tmp_path / "c", 5)
    run("warm", tmp_path / "s", source, "--model", "localrank-tiny", "--max-mb", "20", "--vectors", "small")
    again = run("warm", tmp_path / "s", source, "--model", "localrank-tiny")
    assert again.stdout == "0 documents were read; the store has 5.\n"
    shown = run("info", tmp_path / "s").stdout
    assert "MB, small" in shown
    assert "MB of 20" in shown
    with pytest.raises(ModelLoadError, match="keeps vectors='small', not 'full'"):
        run("warm", tmp_path / "s", source, "--model", "localrank-tiny", "--vectors", "full")
    run("clear", tmp_path / "s")
    run("warm", tmp_path / "s", source, "--model", "localrank-tiny", "--vectors", "full")
    facts = json.loads(run("info", tmp_path / "s", "--json").stdout)
    assert (facts["vectors"], facts["max_mb"], facts["documents"]) == ("full", 20, 5)


def test_where_there_is_no_store_that_is_said(tmp_path: Path) -> None:
    for command in ("info", "compact", "clear"):
        with pytest.raises(ModelLoadError, match="no document store"):
            run(command, tmp_path / "none")


def test_texts_are_where_one_says(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    path.write_text('{"body": "a"}\n\n{"body": "b", "title": ""}\n')
    assert list(texts_of(path, "body")) == ["a", "b"]
    with pytest.raises(
        InvalidRequestError, match=r"c\.jsonl:1: there is no 'text'\. The keys are 'body'\. .*--text-key"
    ):
        list(texts_of(path, "text"))


@pytest.mark.parametrize("content", ["[1]\n", '{"text": 1}\n', "{\n"])
def test_what_is_no_record_of_texts_is_refused_by_its_place(tmp_path: Path, content: str) -> None:
    path = tmp_path / "c.jsonl"
    path.write_text('{"text": "a"}\n' + content)
    with pytest.raises(InvalidRequestError, match=r"c\.jsonl:2: "):
        list(texts_of(path, "text"))


def test_parquet_is_read_by_its_column(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table({"body": ["a", "b"], "n": [1, 2]}), tmp_path / "c.parquet")
    assert list(texts_of(tmp_path / "c.parquet", "body")) == ["a", "b"]


@pytest.mark.parametrize("ending", [".parquet", ".jsonl", ".jsonl.gz"])
def test_a_data_set_of_the_hub_is_read_with_all_its_collections(tmp_path: Path, ending: str) -> None:
    for split, text in (("NanoA", "one"), ("NanoB", "two")):
        path = write_rows(
            tmp_path / "corpus" / f"{split}-00000-of-00001{ending.removesuffix('.gz')}",
            [{"_id": "d", "title": "a", "text": text}],
        )
        if ending.endswith(".gz"):
            path.with_suffix(".jsonl.gz").write_bytes(gzip.compress(path.read_bytes()))
            path.unlink()

    assert list(texts_of(tmp_path, "text")) == ["a one", "a two"]


def test_a_folder_of_something_else_says_what_it_holds_and_what_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("a")
    with pytest.raises(
        InvalidRequestError, match=r"It holds notes\.md\. A BEIR folder holds corpus\.jsonl.*a folder each"
    ):
        list(texts_of(tmp_path, "text"))


def test_another_file_is_no_collection(tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text("a")
    with pytest.raises(InvalidRequestError, match="no collection"):
        list(texts_of(tmp_path / "c.txt", "text"))
